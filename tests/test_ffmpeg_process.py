"""An encoder behind a child process: nothing it does blocks us, and every stamp is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from encoders import ffmpeg_process
from encoders.encoder import NANO, AnyPacket, Encoder, EncoderError, VideoSpec
from encoders.ffmpeg_process import FfmpegProcess
from encoders.rungs import open_rung, salvage
from encoders.segments import TrackWriter
from tests.fake_ffmpeg import put_first_on_path
from tests.hardware_fixtures import wait_for
from tests.lecture_maker import PLENTY_NS, SECOND, picture

SPEC = VideoSpec(320, 240, 30)
#: The bytes of one picture of SPEC on their way to the child.
PICTURE = 320 * 240 * 3 // 2


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_first_on_path(tmp_path, monkeypatch)


def feed(
    encoder: Encoder, stamps: Iterable[int], size: tuple[int, int] = (320, 240)
) -> list[AnyPacket]:
    packets: list[AnyPacket] = []
    for number, ns in enumerate(stamps):
        frame = picture(number, *size)
        frame.pts, frame.time_base = ns, NANO
        packets += encoder.encode(frame)
    return packets


def decode(encoder: Encoder, packets: list[AnyPacket]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.extradata
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize("fps", [30.0, 30_000 / 1001, 25.0, 15.0])
def test_each_picture_comes_back_once_in_order_with_its_own_stamp(fps: float) -> None:
    encoder = open_rung("h264_vaapi", VideoSpec(320, 240, fps))
    stamps = [SECOND + round(number * SECOND / fps) for number in range(60)]
    packets = feed(encoder, stamps) + encoder.flush()
    assert [p.pts for p in packets] == [round(ns * 9 / 100_000) for ns in stamps]
    assert [p.dts for p in packets] == [p.pts for p in packets]
    assert len(decode(encoder, packets)) == 60


@pytest.mark.usefixtures("works")
def test_pictures_may_come_at_any_time() -> None:
    encoder = open_rung("h264_vaapi", SPEC)
    stamps = [SECOND, SECOND + 400_000, SECOND + 7_000_000, 95 * SECOND, 7_200 * SECOND]
    packets = feed(encoder, stamps) + encoder.flush()
    assert [p.pts for p in packets] == [round(ns * 9 / 100_000) for ns in stamps]


@pytest.mark.usefixtures("works")
def test_only_the_first_and_the_requested_pictures_are_key_frames() -> None:
    encoder = open_rung("h264_vaapi", SPEC)
    packets: list[AnyPacket] = []
    for number in range(50):
        frame = picture(number, 320, 240)
        frame.pts, frame.time_base = SECOND + number * SECOND // 30, NANO
        frame.pict_type = PictureType.I if number in (17, 18, 40) else PictureType.P
        packets += encoder.encode(frame)
    packets += encoder.flush()
    assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0, 17, 18, 40]


@pytest.mark.usefixtures("works")
def test_the_packet_of_a_picture_comes_without_another_picture() -> None:
    encoder = open_rung("h264_vaapi", SPEC)
    feed(encoder, [SECOND])
    assert isinstance(encoder, FfmpegProcess)
    wait_for(lambda: encoder.inside == 0, "its packet")
    assert len(encoder.flush()) == 1


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize("size", [(641, 361), (17, 17), (1919, 1079)])
def test_odd_sizes_are_rounded_down_to_even(size: tuple[int, int]) -> None:
    encoder = open_rung("h264_vaapi", VideoSpec(*size, 30))
    packets = feed(encoder, [SECOND], size) + encoder.flush()
    (frame,) = decode(encoder, packets)
    assert (frame.width, frame.height) == (size[0] & ~1, size[1] & ~1)


@pytest.mark.usefixtures("works")
def test_a_size_change_in_the_middle_keeps_the_canvas() -> None:
    encoder = open_rung("h264_vaapi", SPEC)
    packets = feed(encoder, [SECOND]) + feed(encoder, [2 * SECOND], (640, 360)) + encoder.flush()
    frames = decode(encoder, packets)
    assert [(f.width, f.height) for f in frames] == [(320, 240)] * 2
    luma = frames[1].to_ndarray()[:240]
    assert abs(int(luma[2, 2]) - 16) < 6
    assert luma[118:122, 140:180].mean() > 60
    assert (frames[1].color_range, frames[1].colorspace) == (1, 1)


@pytest.mark.usefixtures("works")
def test_its_packets_make_segments_that_play(tmp_path: Path) -> None:
    encoder = open_rung("h264_vaapi", SPEC)
    writer = TrackWriter(tmp_path / "track", encoder.template, queue_ns=PLENTY_NS)
    for packet in [
        *feed(encoder, [SECOND + n * SECOND // 30 for n in range(45)]),
        *encoder.flush(),
    ]:
        writer.write(packet)
    writer.close(SECOND * 5 // 2)
    with av.open(str(tmp_path / "track" / "000001.mp4")) as file:
        assert len(list(file.decode(video=0))) == 45


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("dies", "the driver is of another version"),
        ("garbage", "no readable stream|nothing"),
        ("other words", "no readable stream|nothing|status"),
        ("wrong size", "320×180 pixels instead of 320×240"),
        ("stalls", "has given nothing"),
    ],
)
def test_a_bad_child_is_found_at_its_opening(
    fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, fault)
    monkeypatch.setattr(ffmpeg_process, "OPEN_S", 1.5)
    with pytest.raises(EncoderError, match=words) as caught:
        open_rung("h264_vaapi", SPEC)
    assert "edge-agent encoders" in caught.value.hint


def until_it_fails(encoder: Encoder, stamps: Iterable[int]) -> tuple[list[AnyPacket], str]:
    packets: list[AnyPacket] = []
    for ns in stamps:
        try:
            packets += feed(encoder, [ns])
        except EncoderError as error:
            return packets, error.reason
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    ("fault", "words"), [("stalls later", "stalled"), ("dies later", "ended with status 9")]
)
def test_a_child_that_fails_in_the_middle_raises_and_gives_back_what_it_kept(
    fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, fault, after=20 * PICTURE)
    encoder = open_rung("h264_vaapi", SPEC)
    stamps = [SECOND + n * SECOND // 30 for n in range(200)]
    packets, reason = until_it_fails(encoder, stamps)
    assert re.search(words, reason)
    last, pictures = salvage(encoder)
    packets += last
    assert 0 < len(pictures) <= ffmpeg_process.MOST_INSIDE
    ticks = [round(ns * 9 / 100_000) for ns in stamps]
    assert [p.pts for p in packets] + [f.pts for f in pictures] == ticks[
        : len(packets) + len(pictures)
    ], "not one picture is lost"
    with pytest.raises(EncoderError, match=words):  # it stays so
        feed(encoder, [99 * SECOND])
    with pytest.raises(EncoderError, match=words):
        encoder.flush()


def test_a_child_that_floods_stderr_encodes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, "floods")
    encoder = open_rung("h264_vaapi", SPEC)
    stamps = [SECOND + n * SECOND // 30 for n in range(60)]
    assert len(feed(encoder, stamps) + encoder.flush()) == 60


def test_pictures_that_the_child_swallows_are_counted_and_move_no_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, "drops")
    encoder = open_rung("h264_vaapi", SPEC)
    stamps = [SECOND + n * SECOND // 30 for n in range(30)]
    packets = feed(encoder, stamps)
    with pytest.raises(EncoderError, match="kept back"):
        packets += encoder.flush()
    assert encoder.refused > 3  # type: ignore[attr-defined]
    assert {p.pts for p in packets} <= {round(ns * 9 / 100_000) for ns in stamps}


def test_without_ffmpeg_the_reason_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EncoderError, match="not installed"):
        open_rung("h264_vaapi", SPEC)
