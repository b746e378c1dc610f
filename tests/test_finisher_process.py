"""The finisher as a process: killed, begun twice, given nonsense; and its package in a browser."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.finish_messages import FinishFailed, Packaged, Progress, parse_finisher
from edge_agent.finisher import finish
from tests.chromium import play
from tests.finished import ALIGNED_S, CAM, MIC, SLIDES, build, manifest_of
from tests.lecture_maker import job, record_pictures, record_sound


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
