"""The finisher: whatever the recorders left becomes one whole, playable, aligned package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.finish_messages import GapCause, Mark
from edge_agent.finisher import Unfinishable, finish
from edge_agent.rules.timeline import SEAM_NS
from tests.finished import (
    ALIGNED_S,
    CAM,
    MIC,
    SLIDES,
    assert_clean,
    assert_package,
    build,
    gaps_of,
    manifest_of,
)
from tests.lecture_maker import (
    SECOND,
    job,
    kill_and_recover,
    record_pictures,
    record_sound,
    seconds,
    tear,
)

SEAM_S = SEAM_NS / SECOND


def test_an_undisturbed_lecture(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 13)
    record_pictures(tracks / "slides", 0, 13, fps=1)
    record_sound(tracks / "mic", 0, 13)
    result = build(job(tmp_path, [CAM, SLIDES, MIC], end_s=13))
    assert_package(tmp_path, 13, {"presenter.mp4", "presentation.mp4", "audio.m4a"})
    assert gaps_of(tmp_path) == []
    assert (result.duration_s, result.gaps) == (13.0, 0)
    there = {path.name for path in (tmp_path / "package").iterdir()}
    assert {artifact.name for artifact in result.artifacts} == there
    priorities = [artifact.priority for artifact in result.artifacts]
    assert priorities == sorted(priorities)
    assert result.artifacts[-1].name == "presenter.mp4"
    assert not (tmp_path / "package.part").exists()


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_lecture_of_one_track(tmp_path: Path, kind: str) -> None:
    if kind == "audio":
        record_sound(tmp_path / "tracks" / "mic", 0, 4)
        build(job(tmp_path, [MIC], end_s=4))
        assert_package(tmp_path, 4, {"audio.m4a"})
        assert not (tmp_path / "package" / "thumbnail.jpg").exists()
    else:
        record_pictures(tmp_path / "tracks" / "cam", 0, 4)
        build(job(tmp_path, [CAM], end_s=4))
        assert_package(tmp_path, 4, {"presenter.mp4"})
        assert (tmp_path / "package" / "thumbnail.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_how_a_microphone_sounds_is_measured_from_the_package(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 5)
    task = job(tmp_path, [MIC], end_s=5)
    clock = task.tracks[0].model_copy(update={"drift_ppm": -1400.2})
    result = build(task.model_copy(update={"tracks": [clock]}))
    [heard] = result.sound
    assert heard.track == "mic"
    assert heard.true_peak_dbtp is not None
    assert -12.4 < heard.true_peak_dbtp < -9  # a tone of 8000/32768 with hard edges
    assert heard.loudness_lufs == pytest.approx(-15.9, abs=1.0)
    assert (heard.speech_ratio, heard.drift_ppm) == (0.0, -1400.2)
    [told] = json.loads((tmp_path / "package" / "manifest.json").read_text())["sound"]
    assert told == {
        "track": "mic",
        "integratedLoudness": heard.loudness_lufs,
        "truePeak": heard.true_peak_dbtp,
        "speechRatio": 0.0,
        "clockDriftPpm": -1400.2,
    }


def test_a_track_without_media_is_a_gap_and_not_a_file(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 4)
    (tmp_path / "tracks" / "cam").mkdir()
    cause = GapCause(track="cam", start_ns=seconds(0), end_ns=None, cause="camera missing")
    build(job(tmp_path, [CAM, MIC], end_s=4, causes=[cause]))
    assert_package(tmp_path, 4, {"audio.m4a"})
    assert gaps_of(tmp_path) == [("cam", 0.0, 4.0, "camera missing", False)]


def test_a_lecture_in_which_nothing_was_recorded_cannot_be_finished(tmp_path: Path) -> None:
    (tmp_path / "tracks" / "cam").mkdir(parents=True)
    with pytest.raises(Unfinishable, match="nothing was recorded") as caught:
        finish(job(tmp_path, [CAM]), lambda _message: None)
    assert caught.value.hint
    assert not (tmp_path / "package.part").exists()


def test_tracks_that_start_late_and_end_early_are_aligned(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0.4, 11)
    record_pictures(tracks / "slides", 4, 10.2, fps=2)
    record_sound(tracks / "mic", 0.7, 12)
    build(job(tmp_path, [CAM, SLIDES, MIC], end_s=12))
    assert_package(tmp_path, 12, {"presenter.mp4", "presentation.mp4", "audio.m4a"})
    assert ("slides", 0.0, 4.0, "unknown", False) in gaps_of(tmp_path)


def test_before_a_late_camera_came_there_is_a_slate_and_not_its_later_picture(
    tmp_path: Path,
) -> None:
    tracks = tmp_path / "tracks"
    record_sound(tracks / "mic", 0, 6)
    record_pictures(tracks / "cam", 3, 6)
    build(job(tmp_path, [CAM, MIC], end_s=6))
    with av.open(str(tmp_path / "package" / "presenter.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.time, 2) for frame in frames[:3]] == [0, 3, 3.1]
    assert frames[0].to_ndarray()[:120].mean() < 30
    assert frames[1].to_ndarray()[:120].mean() > 60


def test_a_pause_is_left_out_of_all_tracks(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    for start, end in ((0, 5), (65, 69), (100, 103)):
        record_pictures(tracks / "cam", start, end)
        record_sound(tracks / "mic", start, end)
    pause = GapCause(track=None, start_ns=seconds(5), end_ns=seconds(65), cause="pause")
    marks = [Mark(at_ns=seconds(66), text="after the pause"), Mark(at_ns=seconds(30))]
    build(job(tmp_path, [CAM, MIC], end_s=103, causes=[pause], marks=marks))
    assert_package(tmp_path, 12 + 2 * SEAM_S, {"presenter.mp4", "audio.m4a"})
    assert [g for g in gaps_of(tmp_path) if g[1] == 5.0] == [
        ("cam", 5.0, 65.0, "pause", True),
        ("mic", 5.0, 65.0, "pause", True),
    ]
    assert manifest_of(tmp_path)["marks"] == [
        {"at": 5.064, "text": ""},
        {"at": 6.064, "text": "after the pause"},
    ]


def test_sound_stays_with_the_pictures_after_many_pauses(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    for number in range(12):
        record_pictures(tracks / "cam", number * 10, number * 10 + 1)
        record_sound(tracks / "mic", number * 10, number * 10 + 1)
    build(job(tmp_path, [CAM, MIC], end_s=111))
    assert_package(tmp_path, 12 + 11 * SEAM_S, {"presenter.mp4", "audio.m4a"})
    wave = decoded_sound(tmp_path / "package" / "audio.m4a")
    loud = np.convolve(np.abs(wave), np.ones(240) / 240, "same") > 0.05
    rises = np.flatnonzero(loud[1:] & ~loud[:-1]) / 48_000
    expected = [number * (1 + SEAM_S) for number in range(1, 12)]
    assert max(abs(a - b) for a, b in zip(rises, expected, strict=True)) < ALIGNED_S


def decoded_sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(frames)


def test_a_killed_camera_leaves_a_gap_and_the_sound_is_untouched(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_sound(tracks / "mic", 0, 20)
    record_pictures(tracks / "cam", 0, 8)
    assert kill_and_recover(tracks / "cam") is not None
    record_pictures(tracks / "cam", 10, 20)
    crash = GapCause(track="cam", start_ns=seconds(7.2), end_ns=seconds(10), cause="crashed")
    build(job(tmp_path, [CAM, MIC], end_s=20, causes=[crash]))
    assert_package(tmp_path, 20, {"presenter.mp4", "audio.m4a"})
    assert gaps_of(tmp_path) == [("cam", 7.2, 10.0, "crashed", False)]


def test_a_part_that_recovery_has_not_closed_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "cam"
    record_pictures(folder, 0, 12)
    part = tear(folder)
    before = part.read_bytes()
    build(job(tmp_path, [CAM], end_s=12))
    assert part.read_bytes() == before
    assert_package(tmp_path, 10, {"presenter.mp4"})


def test_an_unplugged_microphone_is_silent_for_as_long_as_it_was_away(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 12)
    record_sound(tracks / "mic", 0, 4)
    record_sound(tracks / "mic", 9, 12)
    build(job(tmp_path, [CAM, MIC], end_s=12))
    assert_package(tmp_path, 12, {"presenter.mp4", "audio.m4a"})
    wave = np.abs(decoded_sound(tmp_path / "package" / "audio.m4a"))
    assert wave[int(4.1 * 48_000) : int(8.9 * 48_000)].max() < 1e-3
    assert wave[int(3.5 * 48_000) : int(3.9 * 48_000)].max() > 0.1
    assert wave[int(9.05 * 48_000) : int(9.4 * 48_000)].max() > 0.1


def test_every_recorded_packet_is_in_the_package_byte_for_byte(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 12)
    record_sound(tracks / "mic", 0, 12)
    build(job(tmp_path, [CAM, MIC], end_s=12))
    recorded = {
        name: [data for path in sorted((tracks / name).iterdir()) for data in payloads(path)]
        for name in ("cam", "mic")
    }
    packaged = payloads(tmp_path / "package" / "presenter.mp4", "video")
    assert packaged == recorded["cam"]
    sound = payloads(tmp_path / "package" / "presenter.mp4", "audio")
    assert sound[: len(recorded["mic"])] == recorded["mic"]


def payloads(path: Path, kind: str | None = None) -> list[bytes]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if kind in (None, s.type)]
        return [bytes(p) for p in container.demux(streams) if p.dts is not None]


def test_an_encoder_that_changed_in_the_middle_decodes_on_both_sides(tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "cam"
    record_pictures(folder, 0, 4, size=(160, 120))
    record_pictures(folder, 5, 9, size=(176, 144))
    build(job(tmp_path, [CAM], end_s=9))
    assert_clean(tmp_path / "package" / "presenter.mp4")
    with av.open(str(tmp_path / "package" / "presenter.mp4")) as container:
        sizes = [(f.width, f.height) for f in container.decode(video=0)]
    assert sizes == [(160, 120)] * 40 + [(176, 144)] * 40


def test_a_microphone_that_changed_its_channels_keeps_every_second(tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "mic"
    record_pictures(tmp_path / "tracks" / "cam", 0, 9)
    record_sound(folder, 0, 4, channels=1)
    record_sound(folder, 6, 9, channels=2)
    build(job(tmp_path, [CAM, MIC], end_s=9))
    wave = np.abs(decoded_sound(tmp_path / "package" / "audio.m4a"))
    assert_clean(tmp_path / "package" / "audio.m4a")
    assert abs(len(wave) / 48_000 - 9) < ALIGNED_S
    assert wave[int(6.1 * 48_000) : int(8.9 * 48_000)].max() > 0.1
    assert wave[int(4.1 * 48_000) : int(5.9 * 48_000)].max() < 1e-3


def test_a_damaged_segment_costs_itself_only_and_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "tracks" / "cam"
    record_pictures(folder, 0, 30)
    record_sound(tmp_path / "tracks" / "mic", 0, 30)
    (folder / "000002.mp4").write_bytes(b"rotten")
    build(job(tmp_path, [CAM, MIC], end_s=30))
    assert_package(tmp_path, 30, {"presenter.mp4", "audio.m4a"})
    assert gaps_of(tmp_path) == [("cam", 10.0, 20.0, "000002.mp4 is damaged", False)]


def test_a_folder_nobody_told_about_is_a_track_all_the_same(tmp_path: Path) -> None:
    record_pictures(tmp_path / "tracks" / "cam", 0, 3)
    record_sound(tmp_path / "tracks" / "stray", 0, 3)
    build(job(tmp_path, [CAM], end_s=3))
    assert_package(tmp_path, 3, {"presenter.mp4", "audio.m4a"})


def test_a_whole_package_is_reported_and_not_touched(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 3)
    task = job(tmp_path, [MIC], end_s=3)
    first = build(task)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "package").iterdir()}
    assert build(task) == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "package").iterdir()} == before


def test_a_damaged_package_is_built_again(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 3)
    task = job(tmp_path, [MIC], end_s=3)
    first = build(task)
    with (tmp_path / "package" / "audio.m4a").open("r+b") as file:
        file.write(b"\0" * 100)
    assert build(task) == first


def test_a_damaged_package_without_segments_is_left_for_people(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 3)
    task = job(tmp_path, [MIC], end_s=3)
    build(task)
    shutil.rmtree(tmp_path / "tracks")
    (tmp_path / "package" / "audio.m4a").write_bytes(b"bit rot")
    with pytest.raises(Unfinishable):
        finish(task, lambda _message: None)
    assert (tmp_path / "package" / "audio.m4a").read_bytes() == b"bit rot"
