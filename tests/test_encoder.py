"""Encoders: nothing held back, true colours, true time."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from av.video.reformatter import Colorspace

from encoders.canvas import matrix_of
from encoders.encoder import (
    NANO,
    AnyPacket,
    AudioSpec,
    Encoder,
    EncoderError,
    VideoSpec,
    open_audio_encoder,
    open_video_encoder,
)
from tests.lecture_maker import SECOND, picture, sound


def feed(encoder: Encoder, frame: av.VideoFrame, ns: int) -> list[AnyPacket]:
    frame.pts, frame.time_base = ns, NANO
    return encoder.encode(frame)


def decode(encoder: Encoder, packets: list[AnyPacket]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)


def test_the_packet_of_a_picture_leaves_in_the_same_call() -> None:
    encoder = open_video_encoder(VideoSpec(320, 240, 30))
    for number in range(60):
        packets = feed(encoder, picture(number, 320, 240), SECOND + number * SECOND // 30)
        assert [p.pts for p in packets] == [90_000 + number * 3000]
    assert encoder.flush() == []


def test_only_the_first_and_the_requested_pictures_are_key_frames() -> None:
    encoder = open_video_encoder(VideoSpec(160, 120, 30))
    keys = []
    for number in range(15 * 30):
        frame = picture(number)
        frame.pict_type = PictureType.I if number == 100 else PictureType.P
        for packet in feed(encoder, frame, number * SECOND // 30):
            keys += [number] if packet.is_keyframe else []
    assert keys == [0, 100]


def test_pictures_may_come_at_any_time_and_keep_their_stamps() -> None:
    encoder = open_video_encoder(VideoSpec(160, 120, 30))
    stamps = [SECOND, SECOND + 7_000_000, 3 * SECOND, 95 * SECOND, 95 * SECOND + 41_000_000]
    packets = [p for n, ns in enumerate(stamps) for p in feed(encoder, picture(n), ns)]
    assert [p.pts for p in packets] == [round(ns * 9 / 100_000) for ns in stamps]
    assert all(p.dts == p.pts for p in packets)


def test_a_stamp_that_does_not_advance_is_refused_and_counted() -> None:
    encoder = open_video_encoder(VideoSpec(160, 120, 30))
    feed(encoder, picture(0), SECOND)
    assert feed(encoder, picture(1), SECOND) == []
    assert feed(encoder, picture(2), SECOND - 1) == []
    assert encoder.refused == 2
    assert len(feed(encoder, picture(3), 2 * SECOND)) == 1


def test_the_frame_given_is_left_as_it_was() -> None:
    encoder = open_video_encoder(VideoSpec(160, 120, 30))
    frame = picture(0, form="yuv420p")
    feed(encoder, frame, 5 * SECOND)
    assert (frame.pts, frame.time_base, frame.width) == (5 * SECOND, NANO, 160)


@pytest.mark.parametrize(
    "form", ["yuv420p", "yuvj422p", "yuyv422", "nv12", "rgb24", "bgr0", "gray"]
)
def test_any_pixel_format_comes_out_as_tv_range_bt709(form: str) -> None:
    encoder = open_video_encoder(VideoSpec(160, 120, 30))
    (frame,) = decode(encoder, feed(encoder, picture(0, form=form), SECOND))
    assert (frame.format.name, frame.color_range, frame.colorspace) == ("yuv420p", 1, 1)
    assert (frame.color_primaries, frame.color_trc) == (1, 1)


@pytest.mark.parametrize(
    ("form", "full", "luma_in", "luma_out"),
    [
        ("yuvj420p", False, 255, 235),  # A JPEG camera's white is the file's white.
        ("yuvj420p", False, 0, 16),
        ("yuv420p", True, 255, 235),  # The same, told by the source only.
        ("yuv420p", False, 235, 235),
        ("yuv420p", False, 16, 16),
        ("rgb24", False, 255, 235),
        ("rgb24", False, 0, 16),
    ],
)
def test_white_stays_white_and_black_stays_black(
    form: str, full: bool, luma_in: int, luma_out: int
) -> None:
    encoder = open_video_encoder(VideoSpec(64, 64, 30, full_range_in=full))
    source = av.VideoFrame(64, 64, form)
    for number, plane in enumerate(source.planes):
        value = luma_in if number == 0 else 128
        plane.update(bytes([value]) * plane.buffer_size)
    (frame,) = decode(encoder, feed(encoder, source, SECOND))
    luma = frame.to_ndarray()[:64]
    assert abs(float(luma.mean()) - luma_out) <= 1.5


def test_a_red_wall_of_a_jpeg_camera_is_the_same_red_in_the_file() -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[:] = (200, 30, 40)
    jpeg = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(
        format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG"
    )
    encoder = open_video_encoder(VideoSpec(64, 64, 30, full_range_in=True))
    (frame,) = decode(encoder, feed(encoder, jpeg, SECOND))
    back = frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG")
    assert np.abs(back.to_ndarray().astype(int).mean(axis=(0, 1)) - (200, 30, 40)).max() < 5


@pytest.mark.parametrize("form", ["yuvj422p", "yuyv422"])
def test_a_cameras_own_matrix_is_kept_and_told(form: str) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[:] = (200, 30, 40)
    full = form == "yuvj422p"
    source = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(
        format=form, dst_colorspace="ITU601", dst_color_range="JPEG" if full else "MPEG"
    )
    matrix = matrix_of("mjpeg" if full else "raw", form)
    encoder = open_video_encoder(VideoSpec(64, 64, 30, full_range_in=full, matrix=matrix))
    (frame,) = decode(encoder, feed(encoder, source, SECOND))
    assert (frame.color_range, frame.colorspace) == (1, int(Colorspace.ITU601))
    back = frame.reformat(format="rgb24", src_colorspace="ITU601", src_color_range="MPEG")
    assert np.abs(back.to_ndarray().astype(int).mean(axis=(0, 1)) - (200, 30, 40)).max() < 5


def test_a_screen_and_what_is_already_bt709_stay_bt709() -> None:
    assert matrix_of("raw", "bgr0") == matrix_of("frames", "yuv420p") == Colorspace.ITU709


@pytest.mark.parametrize("ceiling", [None, 3000])
def test_the_text_of_a_still_track_comes_back_sharp(ceiling: int | None) -> None:
    spec = VideoSpec(320, 240, 30, still=True, max_kbps=ceiling)
    encoder = open_video_encoder(spec)
    page = np.full((360, 320), 128, np.uint8)
    page[:240] = 235
    page[20:220:9, 30:290] = 16
    source = av.VideoFrame.from_ndarray(page, format="yuv420p")
    (frame,) = decode(encoder, feed(encoder, source, SECOND))
    difference = np.abs(frame.to_ndarray()[:240].astype(int) - page[:240])
    assert difference.mean() < 1.5


@pytest.mark.parametrize("size", [(641, 361), (17, 17), (1919, 1079)])
def test_odd_sizes_are_rounded_down_to_even(size: tuple[int, int]) -> None:
    encoder = open_video_encoder(VideoSpec(*size, 30))
    (frame,) = decode(encoder, feed(encoder, picture(0, *size), SECOND))
    assert (frame.width, frame.height) == (size[0] & ~1, size[1] & ~1)


@pytest.mark.parametrize(
    ("size", "bars"),
    [((320, 240), False), ((640, 480), False), ((640, 360), True), ((100, 240), True)],
)
def test_a_size_change_in_the_middle_is_letter_boxed(size: tuple[int, int], bars: bool) -> None:
    encoder = open_video_encoder(VideoSpec(320, 240, 30))
    packets = feed(encoder, picture(0, 320, 240), SECOND)
    packets += feed(encoder, picture(1, *size), 2 * SECOND)
    last = decode(encoder, packets)[-1]
    luma = last.to_ndarray()[:240]
    assert (last.width, last.height) == (320, 240)
    assert (abs(int(luma[2, 2]) - 16) < 6) is bars
    assert luma[118:122, 140:180].mean() > 60


def test_a_ceiling_keeps_noise_below_it() -> None:
    encoder = open_video_encoder(VideoSpec(320, 240, 30, crf=10, max_kbps=500))
    noise = np.random.default_rng(1)
    total = 0
    for number in range(150):
        image = noise.integers(0, 255, (240, 320), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="gray")
        total += sum(p.size for p in feed(encoder, frame, number * SECOND // 30))
    assert total * 8 / 5 < 800_000


@pytest.mark.parametrize("spec", [VideoSpec(8, 8, 30), VideoSpec(640, 360, 30, codec="theora")])
def test_an_impossible_picture_is_refused_with_the_next_step(spec: VideoSpec) -> None:
    with pytest.raises(EncoderError) as caught:
        open_video_encoder(spec)
    assert caught.value.reason
    assert caught.value.hint


def test_a_sound_encoder_takes_mono_and_stereo_only() -> None:
    with pytest.raises(EncoderError, match="6 channels"):
        open_audio_encoder(AudioSpec(6))


def test_pictures_and_sound_are_not_mixed_up() -> None:
    with pytest.raises(EncoderError):
        open_video_encoder(VideoSpec(64, 64, 30)).encode(sound(0))
    with pytest.raises(EncoderError):
        open_audio_encoder(AudioSpec(1)).encode(picture(0))


@pytest.mark.parametrize(("channels_in", "channels_out"), [(1, 1), (2, 2), (1, 2), (2, 1)])
def test_sound_packets_follow_each_other_in_steps_of_1024(
    channels_in: int, channels_out: int
) -> None:
    encoder = open_audio_encoder(AudioSpec(channels_out))
    packets: list[AnyPacket] = []
    for number in range(100):
        frame = sound(number, channels=channels_in)
        frame.pts, frame.time_base = SECOND + number * 10_000_000, NANO
        packets += encoder.encode(frame)
    packets += encoder.flush()
    assert packets[0].pts == 48_000 - 1024
    assert {b.pts - a.pts for a, b in itertools.pairwise(packets)} == {1024}
    assert packets[-1].pts + 1024 >= 2 * 48_000
    assert packets[-1].pts < 2 * 48_000 + 1024
