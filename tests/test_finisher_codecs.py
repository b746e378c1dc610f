"""What becomes of a track that is not one camera in H.264 from beginning to end."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import pytest

from edge_agent.finish_messages import GapCause
from encoders.boxes import read_index
from encoders.inserts import slate_picture
from tests.chromium import play
from tests.finished import CAM, MIC, assert_package, build, manifest_of, probe
from tests.lecture_maker import job, kill_and_recover, record_pictures, record_sound, seconds

CODECS = ["h264", "hevc", "av1"]
FILES = {"presenter.mp4", "audio.m4a"}


def brightness(file: Path) -> list[tuple[float, float]]:
    """Seconds and mean of the pictures that decode."""
    with av.open(str(file)) as container:
        return [
            (round(frame.time or 0, 2), float(frame.to_ndarray()[: frame.height].mean()))
            for frame in container.decode(video=0)
        ]


def slates(file: Path) -> list[float]:
    """When a slate is shown: nothing else in these lectures is that dark."""
    return [at for at, mean in brightness(file) if mean < 35]


@pytest.mark.parametrize("codec", CODECS)
def test_a_lecture_in_each_codec_is_one_clean_file(tmp_path: Path, codec: str) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 12, codec=codec)
    record_sound(tracks / "mic", 0, 12)
    build(job(tmp_path, [CAM, MIC], end_s=12))
    assert_package(tmp_path, 12, FILES)
    picture = next(s for s in probe(tmp_path / "package" / "presenter.mp4") if "width" in s)
    assert picture["codec_name"] == codec
    names = {"h264": "avc1", "hevc": "hvc1", "av1": "av01"}
    assert picture["codec_tag_string"] == names[codec]
    [file] = [m for m in manifest_of(tmp_path)["encoding"] if m["name"] == "presenter.mp4"]  # type: ignore[attr-defined]
    assert file["codecs"] == [codec, "aac"]
    assert file["packets"] == 120 + sum(
        read_index(path).packets for path in (tracks / "mic").glob("*.mp4")
    )


@pytest.mark.parametrize("codec", CODECS)
def test_a_kill_in_each_codec_leaves_what_opens_and_joins(tmp_path: Path, codec: str) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 4, codec=codec)
    recovered = kill_and_recover(tracks / "cam")
    assert recovered is not None
    assert 2.5 < (recovered.end_ns - seconds(0)) / 1e9 < 4
    record_pictures(tracks / "cam", 5, 8, codec=codec, size=(240, 180))
    record_sound(tracks / "mic", 0, 8)
    build(job(tmp_path, [CAM, MIC], end_s=8))
    assert_package(tmp_path, 8, FILES)
    with av.open(str(tmp_path / "package" / "presenter.mp4")) as container:
        sizes = [(f.width, f.height) for f in container.decode(video=0)]
    assert [size for size, _ in itertools.groupby(sizes)] == [(160, 120), (240, 180)]
    assert len(sizes) == recovered.packets + 30


@pytest.mark.parametrize("codec", CODECS)
def test_where_a_camera_was_away_stands_a_slate_and_not_its_last_picture(
    tmp_path: Path, codec: str
) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 2, 4, codec=codec)
    record_pictures(tracks / "cam", 6, 7, codec=codec)  # two seconds: the last picture is held
    record_pictures(tracks / "cam", 11, 12, codec=codec)
    record_sound(tracks / "mic", 0, 16)
    cause = GapCause(track="cam", start_ns=seconds(7), end_ns=seconds(11), cause="no signal")
    build(job(tmp_path, [CAM, MIC], end_s=16, causes=[cause]))
    assert_package(tmp_path, 16, FILES)
    assert slates(tmp_path / "package" / "presenter.mp4") == [0, 7, 12]


def test_a_pause_has_no_slate(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    for start in (0, 60):
        record_pictures(tracks / "cam", start, start + 3)
        record_sound(tracks / "mic", start, start + 3)
    pause = GapCause(track=None, start_ns=seconds(3), end_ns=seconds(60), cause="pause")
    build(job(tmp_path, [CAM, MIC], end_s=63, causes=[pause]))
    assert slates(tmp_path / "package" / "presenter.mp4") == []


@pytest.mark.parametrize(("first", "second"), [("hevc", "h264"), ("av1", "h264"), ("h264", "av1")])
def test_where_another_codec_took_over_its_pictures_are_encoded_again(
    tmp_path: Path, first: str, second: str
) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 3, codec=first)
    record_pictures(tracks / "cam", 3, 8, codec=second)
    record_sound(tracks / "mic", 0, 8)
    build(job(tmp_path, [CAM, MIC], end_s=8))
    assert_package(tmp_path, 8, FILES)
    times = [at for at, _ in brightness(tmp_path / "package" / "presenter.mp4")]
    assert times == [pytest.approx(number / 10, abs=0.011) for number in range(80)]
    [file] = [m for m in manifest_of(tmp_path)["encoding"] if m["name"] == "presenter.mp4"]  # type: ignore[attr-defined]
    assert file["codecs"][0] == first
    assert file["recodedPackets"] == 50


@pytest.mark.parametrize("size", [(160, 120), (1920, 1080), (64, 64), (90, 1280), (16, 16)])
def test_a_slate_is_dark_and_shows_something_at_every_size(size: tuple[int, int]) -> None:
    luma = slate_picture(*size).to_ndarray()[: size[1]]
    assert luma.mean() < 50
    assert luma.max() > 90


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_a_browser_plays_a_file_with_two_sizes_and_a_slate(tmp_path: Path, codec: str) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 2, codec=codec, size=(320, 240))
    record_pictures(tracks / "cam", 2, 3, codec=codec, size=(212, 160))
    record_sound(tracks / "mic", 0, 7)
    build(job(tmp_path, [CAM, MIC], end_s=7))
    seen = play(tmp_path / "package", "presenter.mp4")
    assert abs(seen.duration - 7) < 0.1
    assert (seen.width, seen.height) == (320, 240)
