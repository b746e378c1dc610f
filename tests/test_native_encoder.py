"""Encoders inside this process that tell their parameters at once, or only with a packet."""

from __future__ import annotations

import av
import pytest
from av.video.frame import PictureType

from encoders.encoder import NANO, EncoderError, VideoSpec
from encoders.fragments import mp4_header
from encoders.native import NativeEncoder
from encoders.rungs import open_rung
from tests.lecture_maker import SECOND, picture

SPEC = VideoSpec(161, 121, 30)
#: Software in the place of a card: the same way through the library.
LOW_DELAY = {"tune": "zerolatency", "forced-idr": "1"}


@pytest.mark.parametrize("at_once", [True, False])
def test_every_picture_gives_a_packet_that_decodes_with_the_parameters(at_once: bool) -> None:
    encoder = NativeEncoder("libx264", SPEC, LOW_DELAY, global_header=at_once)
    packets = []
    for number in range(40):
        frame = picture(number, 161, 121)
        frame.pts, frame.time_base = SECOND + number * SECOND // 30, NANO
        frame.pict_type = PictureType.I if number == 20 else PictureType.NONE
        packets += encoder.encode(frame)
    packets += encoder.flush()
    assert [p.pts for p in packets] == [90_000 + number * 3000 for number in range(40)]
    assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0, 20]
    assert b"avcC" in mp4_header(encoder.template)
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    frames = [f for p in packets for f in decoder.decode(p)] + decoder.decode(None)
    assert [(f.width, f.height, f.color_range) for f in frames] == [(160, 120, 1)] * 40


@pytest.mark.parametrize("name", ["h264_nvenc", "h264_amf", "h264_v4l2m2m"])
def test_hardware_that_is_not_there_is_an_encoder_error_with_a_reason(name: str) -> None:
    with pytest.raises(EncoderError, match=name) as caught:
        open_rung(name, SPEC)
    assert caught.value.hint


def test_a_name_that_no_encoder_has_is_refused() -> None:
    with pytest.raises(EncoderError, match="no encoder 'h264_magic'"):
        open_rung("h264_magic", SPEC)
    with pytest.raises(EncoderError, match="makes hevc"):
        open_rung("hevc_nvenc", SPEC)
