"""How soon does a room record again after a power cut, and does it depend on its stored lectures?

Everything gets kill -9 in the middle of a lecture, and the agent is started again, many times; with
no other lecture in the spool, and with many: packaged, half of them delivered. Then the parts by
themselves: importing, opening the ledger, recovery, and one look at the facts.

Run: python -m benchmarks.restart [--lectures 500] [--starts 20]
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.facts import Observer
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.spool import Spool
from tests.archive import stock
from tests.process.classroom import (
    CAMERA,
    MICROPHONE,
    UNIT_NICENESS,
    Classroom,
    classroom,
    until,
)

ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
Times = dict[str, list[float]]


def begin(room: Classroom) -> str:
    """A lecture that is cut off at once."""
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(1)
    cut(room)
    return lecture


def start(room: Classroom, lecture: str, found: Times) -> None:
    """From the agent's start to its first status, and to both tracks being recorded; cut again."""
    began = time.monotonic()
    room.start_agent()
    note(found, "start → first status", began)
    until("the lecture goes on", lambda: records(room, lecture))
    note(found, "start → same lecture recorded", began)
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
    cut(room)


def note(found: Times, name: str, began: float) -> None:
    found.setdefault(name, []).append(time.monotonic() - began)


def cut(room: Classroom) -> None:
    """All at once; a recorder that outlived the agent would close its file."""
    assert room.agent is not None
    for pid in (*(room.recorder_pid(track) for track in ROOM), room.agent.pid):
        os.kill(pid, signal.SIGKILL)
    room.agent.wait()
    room.runtime.status.unlink(missing_ok=True)


def records(room: Classroom, lecture: str) -> bool:
    status = room.status()
    tracks = status.get("tracks", {})
    return (status.get("lecture") or {}).get("id") == lecture and all(
        tracks[name]["phase"] == "recording" for name in ROOM
    )


def parts(spool: Spool, found: Times) -> None:
    """What a start consists of, one after the other. The agent must be down."""

    def clocked(name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        note(found, name, began)

    clocked("importing the supervisor", _import)
    clocked("opening the ledger", lambda: Ledger.create(spool.ledger).close())
    ledger = Ledger.create(spool.ledger)
    now = SystemClock().now()
    clocked("recovery", lambda: Recovery(spool, ledger, timedelta(minutes=60)).run(now))
    observer = Observer(spool, ledger, 0)
    clocked("facts, slow ones too", lambda: observer.facts(now, (), None, {}, False))
    observer.look_again()
    clocked("facts, slow ones again", lambda: observer.facts(now, (), None, {}, False))
    clocked("facts, each round", lambda: observer.facts(now, (), None, {}, False))
    ledger.close()


def _import() -> None:
    subprocess.run([sys.executable, "-c", "import edge_agent.supervisor"], check=True)


def measure(lectures: int, count: int) -> tuple[Times, Times]:
    """With none stored and with many, in turn: so what else the PC does meets both alike."""
    found: tuple[Times, Times] = ({}, {})
    with ExitStack() as stack:
        rooms = []
        for _ in found:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            options = {"recording": {"resume_minutes": 60}}
            rooms.append(stack.enter_context(classroom(folder, ROOM, **options)))
            rooms[-1].niceness = UNIT_NICENESS if os.geteuid() == 0 else 0
        stock(rooms[1].spool, lectures, waiting=lectures // 2)
        under_way = [begin(room) for room in rooms]
        for _ in range(count):
            for room, lecture, times in zip(rooms, under_way, found, strict=True):
                start(room, lecture, times)
                parts(room.spool, times)
    return found


def line(name: str, none: list[float], many: list[float]) -> str:
    def figures(values: list[float]) -> str:
        ordered = sorted(values)
        late = ordered[math.ceil(0.95 * len(ordered)) - 1]
        return f"{statistics.median(ordered) * 1e3:8.1f} {late * 1e3:8.1f}"

    ratio = statistics.median(many) / statistics.median(none)
    return f"{name:32} {figures(none)}   {figures(many)}   × {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lectures", type=int, default=500)
    parser.add_argument("--starts", type=int, default=20)
    options = parser.parse_args()
    none, many = measure(options.lectures, options.starts)
    print(f"milliseconds, median and p95     no lectures stored   {options.lectures} stored")
    for name in many:
        print(line(name, none[name], many[name]))


if __name__ == "__main__":
    main()
