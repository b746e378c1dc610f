"""Every instant at which the power can fail, replayed from the log of a disk's writes.

At each write of the log: the disk as it would be, fsck, and the product's own recovery on what is
there. It is compared with what the disk held at the last flush (nothing of that may be missing),
with what the agent had said by then (nor of that), and with the guest's clock (the seconds lost).
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from edge_agent.storage_check import findings, gather
from tests.appliance.blocklog import BlockLog

#: Exit bits of e2fsck: 1 errors corrected (the journal too), 4 errors left, 8 operational error.
FSCK_BAD = 4 | 8
#: In order; a lecture never goes back.
STEPS = [State.RECORDING, State.PAUSED, State.FINISHING, State.PACKAGED, State.DELIVERED]


@dataclass(frozen=True, slots=True)
class Found:
    """What recovery made of a disk."""

    #: (lecture, track, segment) → SHA-256 of the rows that were whole before recovery.
    closed: dict[str, str]
    #: lecture → state, before recovery and after it.
    before: dict[str, str]
    after: dict[str, str]
    #: track → lecture time of its end, newest lecture only.
    ends: dict[str, int]
    problems: list[str]
    leftovers: bool = False


@dataclass(slots=True)
class Point:
    """One power cut."""

    number: int
    #: The seed of its dice.
    dice: int
    #: track → seconds that its recorder had taken in, and that are not there.
    lost_s: dict[str, float] = field(default_factory=dict)
    #: track → the same with what still waited in the recorder's queue: the guest is slow.
    behind_s: dict[str, float] = field(default_factory=dict)
    #: A packaged lecture's segments are still there; the agent removes them when it runs.
    leftovers: bool = False
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the run that made the log knew at its end."""

    log: Path
    #: The disk before the first write.
    blank: Path
    utc: str
    lecture: str
    epoch_ns: int
    end_ns: int
    #: track → seconds that its recorder's queue holds when it is full.
    queues_s: dict[str, float]


def points_of(log: BlockLog) -> list[int]:
    """Cuts worth trying: after each write that is none of the guest's beats."""
    return [
        number + 1
        for number, write in enumerate(log.writes)
        if write.has_data and log.beat(write) is None
    ]


class Replay:
    """Goes through a share of the points, in order. One for each process."""

    def __init__(self, truth: Truth, folder: Path, seed: int) -> None:
        self._truth, self._folder, self._seed = truth, folder, seed
        self._log = BlockLog(truth.log)
        self._flushed = folder / "flushed.img"
        #: Writes that are in `flushed.img`.
        self._applied = 0
        self._at_flush: Found | None = None
        self._beat: dict[str, Any] = {}
        self._seen = 0
        self._noted: set[str] = set()

    def run(self, points: list[int], tears: int) -> Iterator[Point]:
        """Each point `tears` times, with other sectors missing."""
        for number in points:
            for tear in range(tears):
                disk = self.disk(number, self._seed + tear)
                yield self._cut(number, self._seed + tear, disk)

    def disk(self, number: int, seed: int) -> Path:
        """The disk after a cut at that write. Points must come in order."""
        self._advance(number)
        disk = self._folder / "cut.img"
        _copy(self._flushed, disk)
        dice = random.Random(seed * 1_000_003 + number)
        with disk.open("r+b") as file:
            for write in self._log.writes[self._applied : number]:
                self._log.apply_torn(write, file, dice)
        return disk

    def _advance(self, number: int) -> None:
        """Bring `flushed.img` to the last flush before a point, and read the beats until it."""
        log = self._log
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            _copy(self._truth.blank, self._flushed, "always")
        flushes = [i for i in range(self._applied, number) if log.writes[i].flushes]
        if flushes:
            with self._flushed.open("r+b") as file:
                for write in log.writes[self._applied : flushes[-1] + 1]:
                    log.apply(write, file)
            self._applied = flushes[-1] + 1
            self._at_flush = None
        for write in log.writes[self._seen : number]:
            beat = log.beat(write)
            if beat is not None:
                self._beat = beat
                self._noted.add(beat["note"])
        self._seen = number

    def _cut(self, number: int, dice: int, disk: Path) -> Point:
        if self._at_flush is None:
            whole = self._folder / "whole.img"
            _copy(self._flushed, whole)
            self._at_flush = recover(whole, self._folder / "whole", self._truth.utc)
        found = recover(disk, self._folder / "cut", self._truth.utc)
        point = Point(number, dice, problems=list(found.problems), leftovers=found.leftovers)
        self._compare(self._at_flush, found, point)
        self._keep_promises(found, point)
        return point

    def _compare(self, flushed: Found, found: Found, point: Point) -> None:
        """Nothing that had been flushed may be missing."""
        for name, sha256 in flushed.closed.items():
            if found.closed.get(name) != sha256 and not self._may_be_gone(name, found):
                point.problems.append(f"segment {name} was on the disk, and is lost")
        for lecture, state in flushed.before.items():
            now = found.before.get(lecture)
            if now is None or _step(now) < _step(state):
                point.problems.append(f"lecture {lecture} was {state}, and is {now}")
        for track, end_ns in flushed.ends.items():
            if found.ends.get(track, 0) < end_ns and not self._may_be_gone("", found):
                short = (end_ns - found.ends.get(track, 0)) / 1e9
                point.problems.append(f"{track} is {short:.2f} s shorter than what was flushed")

    def _may_be_gone(self, name: str, found: Found) -> bool:
        lecture = name.split("/")[0] if name else self._truth.lecture
        return _may_drop_segments(found.before.get(lecture, ""))

    def _keep_promises(self, found: Found, point: Point) -> None:
        """What the agent had said by then must be true; and the clock tells what is lost."""
        truth, state = self._truth, found.after.get(self._truth.lecture)
        if "started" in self._noted and state is None:
            point.problems.append("the start was acknowledged, and the lecture is not there")
        if "stopped" in self._noted and state in ACTIVE:
            point.problems.append("the stop was acknowledged, and the lecture goes on")
        if not self._beat or state is None or self._may_be_gone("", found):
            return
        if self._beat["lecture"] == truth.lecture:
            for track, seconds in self._beat["durable_s"].items():
                there = (found.ends.get(track, 0) - START_NS) / 1e9
                if there < seconds - 0.002:
                    text = f"{track}: {seconds:.3f} s were called durable, {there:.3f} s are there"
                    point.problems.append(text)
        said_ns = min(self._beat["mono_ns"] - truth.epoch_ns, truth.end_ns)
        for track, queue_s in truth.queues_s.items():
            behind_s = max(0.0, (said_ns - found.ends.get(track, START_NS)) / 1e9)
            waiting_s = queue_s * self._beat["backlog"].get(track, 0.0)
            point.behind_s[track] = behind_s
            point.lost_s[track] = max(0.0, behind_s - waiting_s)


def take_out(disk: Path, folder: Path) -> list[str]:
    """fsck, which replays the journal; then all files, without a mount. What fsck found."""
    problems = []
    done = subprocess.run(["e2fsck", "-fy", disk], capture_output=True, check=False)
    if done.returncode & FSCK_BAD:
        problems.append(f"e2fsck: {done.stdout.decode(errors='replace')[-200:]}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    dump = ["debugfs", "-R", f"rdump / {folder}", disk]
    subprocess.run(dump, capture_output=True, check=True)
    return problems


def recover(disk: Path, folder: Path, utc: str) -> Found:
    """Take out what is there, and let the product bring it in order, as at its next start."""
    problems = take_out(disk, folder)
    spool = Spool(folder / "spool")
    if not spool.root.is_dir():
        return Found({}, {}, {}, {}, problems)
    spool.lectures.mkdir(exist_ok=True)
    ledger = Ledger.create(spool.ledger)
    try:
        return _recover(spool, ledger, _later(utc), problems)
    finally:
        ledger.close()


def _recover(spool: Spool, ledger: Ledger, now: Now, problems: list[str]) -> Found:
    before = {each.id: str(each.state) for each in ledger.lectures()}
    rows = [row for lecture in before for row in ledger.segments(lecture)]
    closed = {f"{row.lecture}/{row.track}/{row.name}": row.sha256 for row in rows}
    first = findings(gather(spool, ledger, frozenset(), hashes=True))
    problems += [f"{it.where} {it.what}" for it in first if it.invariant in ("I1", "I4", "ledger")]
    Recovery(spool, ledger, timedelta(minutes=15)).run(now)
    after = {each.id: each for each in ledger.lectures()}
    for lecture, state in before.items():
        if _step(str(after[lecture].state)) < _step(state):
            problems.append(f"lecture {lecture} went back from {state} to {after[lecture].state}")
    recording = frozenset(t.name for lecture in after for t in ledger.tracks(lecture))
    left = findings(gather(spool, ledger, recording, hashes=False))
    packaged = [f"lectures/{k}/tracks/" for k, v in after.items() if _may_drop_segments(v.state)]
    harmless = [it for it in left if it.invariant == "I2" and it.where.startswith(tuple(packaged))]
    problems += [f"after recovery: {it.where} {it.what}" for it in left if it not in harmless]
    ends: dict[str, int] = {}
    for lecture in after:
        for row in ledger.segments(lecture):
            ends[row.track] = max(ends.get(row.track, 0), row.end_ns)
    states = {lecture: str(it.state) for lecture, it in after.items()}
    return Found(closed, before, states, ends, problems, bool(harmless))


def _may_drop_segments(state: str) -> bool:
    """Segments make room for the package once that is whole."""
    return state in (State.PACKAGED, State.DELIVERED)


def _later(utc: str) -> Now:
    """The next boot, a minute after the run."""
    moment = datetime.fromisoformat(utc) + timedelta(minutes=1)
    return Now(10_000_000_000, moment, "another-boot", "synchronised")


def _step(state: str) -> int:
    return STEPS.index(State(state)) if state in STEPS else len(STEPS)


def _copy(source: Path, target: Path, sparse: str = "auto") -> None:
    """Of a disk that is mostly holes, its data only: a tenth of it."""
    target.unlink(missing_ok=True)
    subprocess.run(["cp", f"--sparse={sparse}", source, target], check=True)


def consecutive(points: list[int], shares: int) -> list[list[int]]:
    """Points in as many runs, so that each process replays its own stretch."""
    edges = [len(points) * i // shares for i in range(shares + 1)]
    return [points[a:b] for a, b in pairwise(edges)]


def load_truth(path: Path) -> Truth:
    facts = json.loads(path.read_text())
    return Truth(**{**facts, "log": Path(facts["log"]), "blank": Path(facts["blank"])})
