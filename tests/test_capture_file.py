"""Files played as if they were devices."""

import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from capture.source import NS, DeviceLost, DeviceMissing, NotMedia, SourceSpec, open_source
from capture.testcard import read_number
from encoders.passthrough import open_pass_through
from tests.hardware_fixtures import write_pictures

CLIP = Path(__file__).parent / "media" / "presenter_3s.mp4"


def play(path: Path, **options: str):
    return open_source(SourceSpec("file", str(path), options=options))


def until_the_end(source):
    found = []
    with pytest.raises(DeviceLost, match="end of file"):
        collect(source, found)
    source.close()
    return found


def collect(source, into) -> None:
    while True:
        into.append(source.read())


def test_a_film_is_played_in_real_time_from_now() -> None:
    source = play(CLIP)
    before = time.monotonic_ns()
    info = source.open()
    assert (info.delivers, info.width, info.height) == ("h264", 320, 240)
    packets = until_the_end(source)
    took = time.monotonic_ns() - before
    assert took > 2.8 * NS  # never faster; a slow machine may take longer
    assert 0 <= packets[0].dts - before < 5 * NS
    assert all(later.dts > earlier.dts for earlier, later in pairwise(packets))
    assert all(packet.pts >= packet.dts for packet in packets)
    assert packets[0].is_keyframe
    assert not packets[1].is_keyframe


def test_the_pictures_of_a_film_keep_their_stamps() -> None:
    source = play(CLIP)
    source.open()
    packets = [source.read() for _ in range(40)]
    pictures = [picture for packet in packets for picture in source.decode(packet)]
    source.close()
    stamps = sorted(packet.pts for packet in packets)
    assert len(pictures) > 30  # pictures with B-frames come a little later than their packets
    assert [picture.pts for picture in pictures] == stamps[: len(pictures)]
    assert {int(picture.pict_type) for picture in pictures} == {0}


def test_nothing_is_decoded_before_a_keyframe() -> None:
    source = play(CLIP)
    source.open()
    packets = [source.read() for _ in range(3)]
    assert source.decode(packets[1]) == []
    source.close()


def test_the_sound_of_a_film_is_48_khz_without_a_hole() -> None:
    source = play(CLIP, stream="audio")
    info = source.open()
    frames = until_the_end(source)
    assert (info.media, info.sample_rate, info.channels) == ("audio", 48000, 1)
    assert {(f.format.name, f.layout.name, f.sample_rate) for f in frames} == {
        ("s16", "mono", 48000)
    }
    length = sum(frame.samples for frame in frames)
    assert length == pytest.approx(3 * 48000, rel=0.03)  # AAC begins and ends in whole frames
    for earlier, later in pairwise(frames):
        assert later.pts - earlier.pts == pytest.approx(earlier.samples * NS / 48000, abs=NS / 400)
    assert max(np.abs(frame.to_ndarray().astype(int)).max() for frame in frames) > 3000


@pytest.mark.parametrize("form", ["mjpeg", "h264"])
def test_bare_streams_can_be_played_too(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"film.{form}"
    write_pictures(path, form, 20)
    source = play(path)
    assert source.open().delivers == form
    numbers = [read_number(picture) for p in until_the_end(source) for picture in source.decode(p)]
    assert numbers == list(range(20))


def test_other_codecs_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    write_pictures(tmp_path / "film.mjpeg", "mjpeg", 5)
    with av.open(str(tmp_path / "film.mjpeg")) as given, av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number, frame in enumerate(given.decode(video=0)):
            picture = frame.reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 15)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    source = play(path)
    assert source.open().delivers == "frames"
    frames = until_the_end(source)
    assert [read_number(frame) for frame in frames] == [0, 1, 2, 3, 4]
    assert source.decode(frames[0]) == [frames[0]]


def test_a_looped_film_goes_on_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_pictures(path, "h264", 10)
    source = play(path, loop="1")
    source.open()
    packets = [source.read() for _ in range(25)]
    source.close()
    numbers = [read_number(picture) for p in packets for picture in source.decode(p)]
    assert numbers == [*range(10), *range(10), *range(5)]
    for earlier, later in pairwise(packets):
        assert later.dts - earlier.dts == pytest.approx(NS / 15, rel=0.02)


def test_an_absent_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DeviceMissing):
        play(tmp_path / "none.mp4").open()


def test_what_cannot_be_played_is_no_media(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(NotMedia):
        play(tmp_path / "text.mp4").open()
    write_pictures(tmp_path / "silent.mp4", "h264", 3)
    with pytest.raises(NotMedia, match="no audio"):
        play(tmp_path / "silent.mp4", stream="audio").open()


def test_a_film_in_mp4_is_recorded_by_its_packets_and_can_be_decoded() -> None:
    source = play(CLIP)
    assert source.open().delivers == "h264"
    packets = [source.read() for _ in range(30)]
    assert isinstance(packets[0], av.Packet)
    through = open_pass_through(packets[0])
    assert through.extradata
    assert all(through.encode(packet) for packet in packets if isinstance(packet, av.Packet))
    shown = [frame for packet in packets for frame in source.decode(packet)]
    assert len(shown) > 20
    source.close()
