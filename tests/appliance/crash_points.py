"""Every instant at which the power can fail, replayed from the log of a machine's writes.

At each write of the log: the disks as they would be, fsck, the product's own recovery on what is
there, and then the product itself until every lecture is delivered. What recovery finds is compared
with what the disk held at the last flush (nothing of that may be missing), with what the agent had
said by then (nor of that), and with the guest's clock (the seconds lost).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_agent.rules.lecture import ACTIVE
from edge_agent.rules.timeline import START_NS
from tests.appliance.afterwards import Outcome, deliver
from tests.appliance.blocklog import BlockLog, Disks
from tests.appliance.logged_run import DISKS, Truth
from tests.appliance.recovered import (
    Found,
    digest,
    may_drop_segments,
    next_boot,
    recover,
    step,
    take_out,
)

SPOOL = DISKS.index("spool")


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
    delivered: int = 0
    duplicates: int = 0
    lectures_lost: int = 0
    #: The same state of the disks had been judged before.
    known: bool = False
    #: What the cut interrupted, for the sample of the real agent.
    moment: str = ""
    problems: list[str] = field(default_factory=list)


class Replay:
    """Goes through a share of the points, in order. One for each process."""

    def __init__(self, truth: Truth, folder: Path, deaf: int | None = None) -> None:
        folder.mkdir(parents=True)
        self._truth, self._folder = truth, folder
        self._log = BlockLog(truth.log, deaf)
        self._disks = Disks(self._log, truth.blanks, folder)
        self._now = next_boot(truth.utc)
        self._at_flush: Found | None = None
        self._judged: dict[bytes, tuple[Found, Outcome]] = {}
        self._beat: dict[str, Any] = {}
        self._seen = 0
        self._noted: set[str] = set()

    def run(self, points: list[int], seeds: list[int]) -> Iterator[Point]:
        """Each point once for each seed, with other sectors missing."""
        for number in points:
            for seed in seeds:
                faults = self.cut(number, seed, self._folder / "cut")
                yield self._judge(Point(number, seed, problems=faults))

    def cut(self, number: int, seed: int, place: Path) -> list[str]:
        """The files of all disks after a cut at that write; what fsck found. Points in order."""
        self._advance(number)
        shutil.rmtree(place, ignore_errors=True)
        faults = []
        for disk, name in enumerate(DISKS):
            faults += take_out(self._disks.torn(disk, seed), place / name)
        return faults

    def _advance(self, number: int) -> None:
        """Bring the disks up to a point, and read the beats until it."""
        if self._disks.advance(number):
            self._at_flush = None
        for write in self._log.writes[self._seen : number]:
            beat = self._log.beat(write)
            if beat is not None:
                self._beat = beat
                self._noted.add(beat["note"])
        self._seen = number

    def _judge(self, point: Point) -> Point:
        if self._at_flush is None:
            whole = self._folder / "whole"
            take_out(self._disks.flushed(SPOOL), whole)
            self._at_flush = recover(whole, self._now)
        place = self._folder / "cut"
        name = digest(place)
        point.known = name in self._judged
        if not point.known:
            found = recover(place / "spool", self._now)
            self._judged[name] = found, deliver(place, found, self._now)
        found, outcome = self._judged[name]
        point.problems += found.problems + outcome.problems
        point.delivered, point.duplicates = outcome.delivered, outcome.duplicates
        point.lectures_lost = outcome.lectures_lost
        point.moment = found.before.get(self._truth.lecture, "")
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
            if now is None or step(now) < step(state):
                point.lectures_lost += now is None
                point.problems.append(f"lecture {lecture} was {state}, and is {now}")
        for track, end_ns in flushed.ends.items():
            if found.ends.get(track, 0) < end_ns and not self._may_be_gone("", found):
                short = (end_ns - found.ends.get(track, 0)) / 1e9
                point.problems.append(f"{track} is {short:.2f} s shorter than what was flushed")

    def _may_be_gone(self, name: str, found: Found) -> bool:
        lecture = name.split("/")[0] if name else self._truth.lecture
        return may_drop_segments(found.before.get(lecture, ""))

    def _keep_promises(self, found: Found, point: Point) -> None:
        """What the agent had said by then must be true; and the clock tells what is lost."""
        truth, state = self._truth, found.after.get(self._truth.lecture)
        for lecture in truth.older:
            if found.before.get(lecture) != "purged":
                point.lectures_lost += 1
                point.problems.append(f"the older ledger's lecture {lecture} is gone")
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


def consecutive(points: list[int], shares: int) -> list[list[int]]:
    """Points in as many runs, so that each process replays its own stretch."""
    edges = [len(points) * i // shares for i in range(shares + 1)]
    return [points[a:b] for a, b in pairwise(edges)]
