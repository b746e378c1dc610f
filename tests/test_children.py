"""Laws of the supervisor's children, with real processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.children import Process, Recorder
from edge_agent.messages import Quit, RecorderSpec
from edge_agent.rules.health import SECOND, WEDGED_NS, Phase, Pressure
from tests.hardware_fixtures import wait_for

CHILD = """
import os, sys
fd = int(sys.argv[1])
{body}
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """Make a process of a module whose text is given."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started: list[Process] = []

    def make(body: str) -> Process:
        (tmp_path / "a_child.py").write_text(CHILD.format(body=body))
        process = Process("a_child")
        started.append(process)
        return process

    yield make  # type: ignore[misc]
    for process in started:
        process.signal(signal.SIGKILL)
        wait_for(lambda it=process: gone(it), "the end of a child")


def gone(process: Process) -> bool:
    """Hear it out, then reap it."""
    process.lines()
    process.reap()
    return process.pid is None


def test_the_last_words_of_a_child_that_ended_are_heard_before_its_end(child: type) -> None:
    process = child("os.write(fd, b'last words\\n')")
    process.start(Quit())
    wait_for(lambda: process._popen.poll() is not None, "the child's end")
    assert process.reap() is None, "its words have not been read yet"
    assert process.lines() == [b"last words"]
    assert process.reap() == 0


def test_a_child_that_ends_without_a_word_is_reaped_with_its_status(child: type) -> None:
    process = child("os._exit(7)")
    process.start(Quit())
    wait_for(lambda: process.lines() or process.reap() == 7, "its status")
    assert process.pid is None


def test_what_a_child_prints_never_reaches_our_stdout_or_its_pipe(
    child: type, capfd: pytest.CaptureFixture[str]
) -> None:
    process = child("print('native libraries print'); os.write(fd, b'word\\n')")
    process.start(Quit())
    wait_for(lambda: process.lines() == [b"word"], "the word")
    wait_for(lambda: process.lines() or process.reap() == 0, "its end")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "native libraries print" in captured.err


def test_telling_a_child_that_is_gone_or_deaf_blocks_nobody(child: type) -> None:
    process = child("import time; time.sleep(60)")
    process.start(Quit())
    for _ in range(20_000):  # some 280 kB into a pipe of 64 kB that nobody reads
        process.send(Quit())
    process.signal(signal.SIGKILL)
    wait_for(lambda: process.lines() or process.reap() == -9, "its end")
    process.send(Quit())


def test_a_job_of_any_length_reaches_a_child_whole(child: type, tmp_path: Path) -> None:
    class Long:
        def line(self) -> bytes:
            return b"x" * 1_000_000 + b"\n"

    process = child("os.write(fd, b'%d\\n' % len(sys.stdin.buffer.read()))")
    process.start(Long(), whole=True)
    found: list[bytes] = []
    wait_for(lambda: found.extend(process.lines()) or found, "its word")
    assert found == [b"1000001"]


class Held:
    """A process in the hands of its driver: no signal ends it before `status` is set."""

    status: int | None = None

    def start(self, first: object, whole: bool = False) -> None: ...
    def send(self, line: object) -> None: ...
    def signal(self, number: signal.Signals) -> None: ...

    def fileno(self) -> int:
        return -1

    def lines(self) -> list[bytes]:
        return []

    def reap(self) -> int | None:
        return self.status


@pytest.mark.parametrize("whole", [True, False])
def test_a_child_that_cannot_be_started_leaves_no_descriptor_behind(
    child: type, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """It is tried again each second: what is left behind each time ends the supervisor."""
    process = child("pass")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with monkeypatch.context() as patched:
        patched.setattr("sys.executable", "/dev/null/python")
        for _ in range(3):
            with pytest.raises(OSError, match="Not a directory"):
                process.start(Quit(), whole)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert (process.pid, process.reap(), process.lines()) == (None, None, [])
    process.start(Quit(), whole)
    wait_for(lambda: gone(process), "its end")


def test_a_killed_recorder_that_does_not_end_is_told_once_and_replaced_when_it_has_ended() -> None:
    held = Held()
    spec = RecorderSpec(track="camera", media="video", kind="v4l2", preview="", lock="")
    recorder = Recorder(spec, lambda module, arguments: held)
    recorder.start(0, muted=False)
    recorder.enter(Phase.RECORDING, 0)
    recorder.press(Pressure.KILLED, 10 * SECOND)
    assert recorder.reap(10 * SECOND + WEDGED_NS - 1) is None, "it may still end"
    gone = recorder.reap(10 * SECOND + WEDGED_NS)
    assert gone is not None
    assert gone.cause == "device hung"
    assert recorder.reap(60 * SECOND) is None
    recorder.enter(Phase.ARMED, 60 * SECOND)
    assert recorder.phase is Phase.WEDGED, "words stored late do not raise it"
    held.status = -signal.SIGKILL
    assert recorder.reap(70 * SECOND) is None, "it was told before"
    assert (recorder.phase, recorder.facts().pressure) == (Phase.ABSENT, Pressure.NONE)
