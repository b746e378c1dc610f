"""The finisher: whatever the recorders left becomes one whole, playable, aligned package."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest

from edge_agent.finish_messages import (
    FinishFailed,
    FinishJob,
    GapCause,
    Mark,
    Packaged,
    Progress,
    parse_finisher,
)
from edge_agent.finisher import Unfinishable, finish
from edge_agent.messages import Message
from edge_agent.rules.timeline import SEAM_NS
from edge_agent.verify import verify_package
from tests.chromium import play
from tests.lecture_maker import (
    SECOND,
    job,
    kill_and_recover,
    record_pictures,
    record_sound,
    seconds,
    tear,
)

CAM = ("cam", "presenter/source", "video")
SLIDES = ("slides", "presentation/source", "video")
MIC = ("mic", "presenter/source", "audio")
ALIGNED_S = 0.040
SEAM_S = SEAM_NS / SECOND


def build(task: FinishJob) -> Packaged:
    said: list[Message] = []
    result = finish(task, said.append)
    assert all(isinstance(message, Progress) for message in said)
    assert verify_package(Path(task.lecture_dir) / "package") == []
    return result


def probe(path: Path) -> list[dict[str, str]]:
    """The streams as ffprobe sees them; nothing may be said on stderr."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    streams: list[dict[str, str]] = json.loads(done.stdout)["streams"]
    return streams


def assert_clean(path: Path) -> None:
    """FFmpeg decodes all of it without a word, and time only goes forward.

    Without -enc_time_base the ffmpeg command rounds the pictures' times to its guess of a frame
    rate and then complains about its own rounding.
    """
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path)]
    command += ["-enc_time_base", "-1", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with av.open(str(path)) as container:
        last: dict[int, int] = {}
        for packet in container.demux():
            if packet.dts is not None:
                assert packet.dts > last.get(packet.stream.index, -(1 << 62))
                last[packet.stream.index] = packet.dts


def assert_package(lecture: Path, duration_s: float, names: set[str]) -> None:
    """All media begin at 0 and end together at the duration; all of it decodes."""
    package = lecture / "package"
    media = {path.name for path in package.iterdir() if path.suffix in (".mp4", ".m4a")}
    assert media == names
    for name in names:
        assert_clean(package / name)
        for stream in probe(package / name):
            assert abs(float(stream["start_time"])) <= ALIGNED_S
            assert abs(float(stream["duration"]) - duration_s) <= ALIGNED_S
    manifest = json.loads((package / "manifest.json").read_text())
    assert abs(manifest["durationSeconds"] - duration_s) <= ALIGNED_S
    schema = Path(__file__).parent.parent / "edge_agent" / "schemas" / "manifest-1.json"
    jsonschema.validate(manifest, json.loads(schema.read_text()))


def manifest_of(lecture: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads((lecture / "package" / "manifest.json").read_text())
    return data


def gaps_of(lecture: Path) -> list[tuple[str, float, float, str, bool]]:
    found = manifest_of(lecture)["gaps"]
    assert isinstance(found, list)
    return [
        (g["track"], g["lectureStart"], g["lectureEnd"], g["cause"], g["collapsed"]) for g in found
    ]


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


# ------------------------------------------------------------------- the real process


def start(task: str, *more: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.finisher", *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdin is not None
    process.stdin.write(task.encode())
    process.stdin.close()
    return process


def run(task: str) -> list[Progress | Packaged | FinishFailed]:
    with start(task) as process:
        assert process.stdout is not None
        return [parse_finisher(line) for line in process.stdout.read().splitlines()]


def content(lecture: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (lecture / "package").iterdir()}


@pytest.mark.parametrize("lines", [0, 1, 40, 80, 100])
def test_a_finisher_killed_at_any_point_and_started_again_builds_the_same_package(
    tmp_path: Path, lines: int
) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 0, 25)
    record_pictures(tracks / "slides", 0, 25, fps=2)
    record_sound(tracks / "mic", 0, 25)
    segments = {p: p.read_bytes() for p in tracks.rglob("*.mp4")}
    task = job(tmp_path, [CAM, SLIDES, MIC], end_s=25)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(tracks, undisturbed / "tracks")
    build(task.model_copy(update={"lecture_dir": str(undisturbed)}))
    with start(task.model_dump_json()) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    reports = run(task.model_dump_json())
    assert isinstance(reports[-1], Packaged)
    assert content(tmp_path) == content(undisturbed)
    assert {p: p.read_bytes() for p in tracks.rglob("*.mp4")} == segments
    assert {p.name for p in tmp_path.iterdir()} == {"tracks", "package", "undisturbed"}


def test_the_process_reports_progress_and_then_the_package(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 5)
    reports = run(job(tmp_path, [MIC], end_s=5).model_dump_json())
    fractions = [r.fraction for r in reports if isinstance(r, Progress)]
    assert fractions == sorted(fractions)
    assert len(fractions) > 5
    assert isinstance(reports[-1], Packaged)


def test_the_process_reports_on_the_descriptor_it_was_given(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 2)
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent.finisher", "--fd", str(write_end)],
        stdin=subprocess.PIPE,
        pass_fds=[write_end],
        cwd=Path(__file__).parent.parent,
    ) as process:
        os.close(write_end)
        process.communicate(job(tmp_path, [MIC], end_s=2).model_dump_json().encode(), timeout=60)
    with os.fdopen(read_end, "rb") as pipe:
        assert isinstance(parse_finisher(pipe.read().splitlines()[-1]), Packaged)


@pytest.mark.parametrize("task", ["{}", "not json", ""])
def test_a_job_that_is_none_is_refused_with_words(task: str) -> None:
    (report,) = run(task)
    assert isinstance(report, FinishFailed)
    assert "not a job" in report.reason


def test_a_lecture_without_a_folder_fails_with_words(tmp_path: Path) -> None:
    (report,) = run(job(tmp_path / "nowhere", [CAM]).model_dump_json())
    assert isinstance(report, FinishFailed)
    assert report.reason == "nothing was recorded"


def test_a_failure_leaves_no_half_package_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 2)

    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("edge_agent.packager.dublin_core", full)
    with pytest.raises(OSError, match="No space"):
        finish(job(tmp_path, [MIC], end_s=2), lambda message: None)
    assert [path.name for path in tmp_path.iterdir()] == ["tracks"]


def test_a_second_finisher_waits_for_the_first_and_reports_the_same(tmp_path: Path) -> None:
    record_pictures(tmp_path / "tracks" / "cam", 0, 20)
    task = job(tmp_path, [CAM], end_s=20).model_dump_json()
    with start(task) as one, start(task) as two:
        assert one.stdout is not None
        assert two.stdout is not None
        last = [p.stdout.read().splitlines()[-1] for p in (one, two) if p.stdout is not None]
    assert last[0] == last[1]
    assert isinstance(parse_finisher(last[0]), Packaged)


def test_the_package_plays_and_seeks_in_a_browser(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks"
    record_pictures(tracks / "cam", 2, 12)
    record_pictures(tracks / "cam", 20, 30)
    record_sound(tracks / "mic", 0, 9)
    record_sound(tracks / "mic", 19.5, 30)
    build(job(tmp_path, [CAM, MIC], end_s=30))
    seen = play(tmp_path / "package", "presenter.mp4")
    assert seen.ended
    assert (seen.width, seen.height) == (160, 120)
    assert abs(seen.duration - float(str(manifest_of(tmp_path)["durationSeconds"]))) < ALIGNED_S
    assert seen.frames >= 200
    assert seen.audio_bytes > 0
    assert [round(part, 1) for part in seen.seeks] == [0.7, 0.1, 0.9]
