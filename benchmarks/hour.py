"""An hour of recording in real time: does a minute cost more, the longer the lecture is?

The real agent with a small camera and a microphone, both synthetic, so that an hour of it hardly
disturbs other work. What could grow with a lecture is what there is of it: segments, rows, beats.
CPU time of each process in the median minute of the last ten against that of the first ten; what
other work on the computer costs a process differs from minute to minute. As root the agent has the
share of the processor that its unit gives it.

Run: python -m benchmarks.hour [MINUTES]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.growth import MICROPHONE
from benchmarks.measure import Row
from benchmarks.passthrough import cpu_s
from edge_agent.rules.lecture import State
from tests.process.classroom import CAMERA, UNIT_NICENESS, Classroom, classroom, until

TRACKS = {"camera": CAMERA, "microphone": MICROPHONE}
#: Before the first minute that counts: the start of the recording and what it loads.
SETTLE_S = 60.0
#: Minutes at either end that are compared; less of a short run.
COMPARED = 10
FINISHING_LIMIT_S = 1800.0
#: Characters of the agent's log that say why a process ended.
LOG_TAIL = 20_000


@dataclass(frozen=True, slots=True)
class Minute:
    """What a process took in a minute, and what memory it held at its end."""

    cpu_s: float
    rss_mib: float


def rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def watch(pids: Mapping[str, int], minutes: int) -> dict[str, list[Minute]]:
    """Each process, minute by minute, told on stderr too: an hour that is cut short is not lost.

    Raises LookupError when one of them has ended.
    """
    found: dict[str, list[Minute]] = {name: [] for name in pids}
    spent = {name: cpu_s(pid) for name, pid in pids.items()}
    due = time.monotonic()
    for number in range(minutes):
        due += 60
        time.sleep(max(0.0, due - time.monotonic()))
        for name, pid in pids.items():
            if not Path(f"/proc/{pid}").exists():
                raise LookupError(f"{name} ended in minute {number + 1}")
            now_s = cpu_s(pid)
            found[name].append(Minute(now_s - spent[name], rss_mib(pid)))
            spent[name] = now_s
            print(number + 1, name, found[name][-1], file=sys.stderr, flush=True)
    return found


def finish(room: Classroom, lecture: str) -> tuple[float, list[object]]:
    """Stop; seconds until there is a package, and the gaps that its manifest tells of."""
    room.command("stop")
    begin = time.monotonic()
    ready = (State.PACKAGED, State.DELIVERED)
    until("the package", lambda: room.lecture(lecture).state in ready, FINISHING_LIMIT_S)
    return time.monotonic() - begin, list(room.manifest(lecture)["gaps"])


def compared(name: str, minutes: list[Minute]) -> list[Row]:
    few = max(1, min(COMPARED, len(minutes) // 3))
    first, last = (
        statistics.median(each.cpu_s for each in part) for part in (minutes[:few], minutes[-few:])
    )
    grown = minutes[-1].rss_mib - minutes[0].rss_mib
    what = f"{name}: the last {few} min against the first {few}"
    return [
        Row(
            f"{what}, CPU of a minute",
            "≤ 1.1 × (flat)",
            f"{last / first:.2f} × ({first:.2f} s, {last:.2f} s)",
            last <= 1.1 * first,
        ),
        Row(
            f"{name}: memory, last minute against first",
            "flat (≤ 8 MiB more)",
            f"{grown:+.1f} MiB, {minutes[-1].rss_mib:.0f} MiB",
            grown <= 8,
        ),
    ]


def rows(minutes: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, classroom(Path(name), TRACKS) as room:
        room.niceness = UNIT_NICENESS if os.geteuid() == 0 else 0
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        time.sleep(SETTLE_S)
        assert room.agent is not None
        pids = {track: room.recorder_pid(track) for track in TRACKS}
        try:
            found = watch({"agent": room.agent.pid, **pids}, minutes)
        except LookupError:
            print(room.log()[-LOG_TAIL:], file=sys.stderr)
            raise
        dropped = {track: room.track(track)["dropped"] for track in TRACKS}
        lasted_s, gaps = finish(room, lecture)
    lost = f"{sum(dropped.values())} samples dropped, {len(gaps)} gaps"
    return [
        *(row for process, each in found.items() for row in compared(process, each)),
        Row(f"{minutes} min in real time", "nothing lost", lost, not gaps),
        Row("  from its stop to its package", "–", f"{lasted_s:.0f} s on the clock"),
    ]


if __name__ == "__main__":
    print(*rows(int(sys.argv[1]) if sys.argv[1:] else 60), sep="\n", flush=True)
