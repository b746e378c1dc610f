"""The real process beside a recording: kills cost a piece each, and nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.children import Process, Recorder
from edge_agent.config_recording import Renditions
from edge_agent.finisher import finish
from edge_agent.live_versions import LiveVersions
from edge_agent.messages import RecorderSpec
from edge_agent.render_messages import RenderJob
from edge_agent.renderer import render
from edge_agent.rules.health import SECOND, Phase
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import ActiveFacts, Facts
from edge_agent.rules.renditions import CAMERA_SMALL, MOST_FAILURES
from edge_agent.spool import Spool
from encoders.live_pieces import read_live
from tests.lecture_maker import job, record_pictures
from tests.process.classroom import until

#: At the lowest priority, beside other tests.
PATIENCE_S = 400.0
RECORDING = Facts(0, active=ActiveFacts("x", State.RECORDING, frozenset({"cam"}), frozenset(), 0))


class Calm:
    """A computer with time to spare."""

    processors = 2

    def free(self, pid: int | None) -> float | None:
        return 0.5

    def throttled(self) -> int:
        return 0


class Room:
    """A supervisor's rounds; each takes two simulated seconds and a moment."""

    def __init__(self, home: Path) -> None:
        self.spool = Spool(home)
        spec = RecorderSpec(track="cam", media="video", kind="synthetic", preview="", lock="",
                            flavor="presenter/source")  # fmt: skip
        recorder = Recorder(spec, Process)
        recorder.phase = Phase.RECORDING
        self.process = Process("edge_agent.live_renderer")
        self.live = LiveVersions(
            Renditions(camera_kbps=50),
            self.spool,
            {"cam": recorder},
            self.process,
            Calm(),
            lambda: False,
        )
        self.now_ns = 0

    def round(self, facts: Facts = RECORDING) -> None:
        self.now_ns += 2 * SECOND
        self.live.step(replace(facts, now_ns=self.now_ns), others=False)

    def pieces(self) -> list[Path]:
        self.round()
        return sorted(self.spool.renditions("x").glob("live.*/*.live"))

    def running(self) -> int | None:
        self.round()
        return self.process.pid


def gone(process: Process) -> bool:
    process.lines()
    return process.pid is None or process.reap() is not None


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    record_pictures(made.spool.track("x", "cam"), 0.0, 185.0, size=(320, 240), noise=True)
    yield made
    made.live.end()
    until("it has ended", lambda: gone(made.process))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_any_kill_costs_a_piece_and_the_finished_lecture_uses_what_is_whole(room: Room) -> None:
    pid = until("it is at work", room.running, PATIENCE_S)
    wanted = [os.SCHED_IDLE, os.SCHED_OTHER]  # the latter where it is not allowed
    until("it stands back", lambda: os.getpriority(os.PRIO_PROCESS, pid) == 19, PATIENCE_S)
    assert os.sched_getscheduler(pid) in wanted
    for number in range(1, MOST_FAILURES):
        until(f"piece {number}", lambda n=number: len(room.pieces()) >= n, PATIENCE_S)
        before = {path: path.stat().st_ino for path in room.pieces()}
        pid = until("it is at work", room.running, PATIENCE_S)
        os.kill(pid, signal.SIGKILL)
        until("another one", lambda gone=pid: room.running() not in (None, gone), PATIENCE_S)
        assert before.items() <= {path: path.stat().st_ino for path in room.pieces()}.items()
    until("the last piece", lambda: len(room.pieces()) >= MOST_FAILURES, PATIENCE_S)
    assert all(read_live(path) for path in room.pieces())
    room.round(Facts(0, finishing=("x",)))
    until("it is gone", lambda: gone(room.process))

    lecture = room.spool.lecture("x")
    finish(job(lecture, [("cam", "presenter/source", "video")]), lambda _: None)
    wishes = RenderJob(lecture="x", lecture_dir=str(lecture), audio_kbps=None, camera="h264",
                       camera_kbps=50)  # fmt: skip
    alone = Path(shutil.copytree(lecture, lecture.with_name("y")))
    shutil.rmtree(alone / "renditions")
    render(wishes, lambda _: None)
    render(wishes.model_copy(update={"lecture_dir": str(alone)}), lambda _: None)
    sizes = [(where / "package" / CAMERA_SMALL).stat().st_size for where in (lecture, alone)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_whose_agent_is_gone_ends_by_itself(room: Room) -> None:
    pid = until("it is at work", room.running, PATIENCE_S)
    popen = room.process._popen
    assert popen is not None
    assert popen.stdin is not None
    popen.stdin.close()  # as the kernel does when the agent is killed
    assert popen.wait(PATIENCE_S) == 1
    assert not Path(f"/proc/{pid}").exists()
