"""kill -9 of random processes of a room that records one short lecture after another.

    python -m tests.faults.kill_loop KILLS [SEED]

Prints what was lost at each kill, and a table at the end; exit code 1 when a promise was broken.

Lost is counted from the end of what the delivered lecture has to the kill, and has two parts: how
far the recorder was behind when it wrote its last fragment (encoder, queue, disk), and the time
since then, in which the fragment in flight was collected.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.storage_check import findings, gather
from edge_agent.verify import verify_package
from tests.faults.figures import spread
from tests.process.classroom import CAMERA, MICROPHONE, UNIT_NICENESS, Classroom, until

ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
VICTIMS = ("camera", "microphone", "supervisor", "everything", "upload", "finisher")
KILLS_A_LECTURE = 5
#: Nothing takes longer on a machine that does other things too.
PATIENCE_S = 300.0
#: What is being moved is looked at again so often, a little later each time.
LOOKS = 10


@dataclass(frozen=True)
class Wound:
    """A kill that can cost media. Seconds since the press of the button."""

    lecture: str
    track: str
    at_s: float
    #: When the killed recorder last wrote.
    written_s: float
    #: Its process was killed; one whose supervisor died closes its file.
    torn: bool


@dataclass
class Figures:
    """What happened, and what must not have happened."""

    kills: Counter[str] = field(default_factory=Counter)
    wounds: list[Wound] = field(default_factory=list)
    lost_s: list[float] = field(default_factory=list)
    #: Of each that cost something: how far behind the last write was, and the time since then.
    behind_s: list[float] = field(default_factory=list)
    since_s: list[float] = field(default_factory=list)
    lectures: int = 0
    checks: int = 0
    problems: list[str] = field(default_factory=list)

    def table(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        return "\n".join(
            [
                f"kills                     {self.kills.total()} ({kinds})",
                f"lectures, once and whole  {self.lectures}",
                f"lost per kill and track   {spread(self.lost_s)}",
                f"  behind when it wrote    {spread(self.behind_s)}",
                f"  since it wrote          {spread(self.since_s)}",
                f"storage checks            {self.checks}",
                f"problems                  {len(self.problems)}",
            ]
        )


class KillLoop:
    """One run."""

    def __init__(self, room: Classroom, seed: int) -> None:
        self._room, self._dice = room, random.Random(seed)
        self.figures = Figures()

    def run(self, kills: int) -> Figures:
        room, figures = self._room, self.figures
        room.start_agent()
        room.start_uploader()
        room.until_armed(*ROOM)
        lectures = []
        while figures.kills.total() < kills:
            lectures.append(self._lecture(kills))
            for lecture in lectures[figures.lectures : -2]:
                self._judge(lecture)
        for lecture in lectures[figures.lectures :]:
            self._judge(lecture)
        self._check()
        arrived = sorted(path.name for path in room.platform.iterdir())
        if arrived != sorted(lectures):
            figures.problems.append(f"asked for {lectures}, arrived {arrived}")
        with room.ledger() as ledger:
            known = sorted(each.id for each in ledger.lectures())
        if known != sorted(lectures):
            figures.problems.append(f"asked for {lectures}, in the ledger {known}")
        return figures

    def _state(self, lecture: str) -> State:
        self._revive()
        return self._room.lecture(lecture).state

    def _lecture(self, kills: int) -> str:
        shot = self._dice.random() < 0.2
        lecture = self._order("start", (lambda: self._kill("supervisor", None)) if shot else None)
        for _ in range(min(KILLS_A_LECTURE, kills - self.figures.kills.total())):
            self._until_recording()
            time.sleep(self._dice.uniform(0, 2.5))
            self._kill(self._dice.choice(VICTIMS[:5]), lecture)
            self._check()
        self._until_recording()
        self._order("stop", self._kill_after_the_stop)
        return lecture

    def _kill_after_the_stop(self) -> None:
        time.sleep(self._dice.uniform(0, 1.5))
        self._kill(self._dice.choice(("finisher", "finisher", "supervisor", "upload")), None)

    def _order(self, verb: str, meanwhile: Callable[[], None] | None) -> str:
        """Give a command; the lecture it was for. One that came too late is given again."""
        number = self._room.post(verb)
        if meanwhile is not None:
            meanwhile()
        while "lecture" not in (answer := self._room.answer(number)):
            if answer["error"]["code"] != "expired":
                raise AssertionError(f"{verb}: {answer}")
            number = self._room.post(verb)
        return str(answer["lecture"])

    def _until_recording(self) -> None:
        for track in ROOM:
            until(f"{track} records", partial(self._track_records, track), PATIENCE_S)

    def _track_records(self, track: str) -> bool:
        facts = self._room.track(track)
        return facts.get("phase") == "recording" and facts.get("durable_s") is not None

    # ------------------------------------------------------------ kills

    def _kill(self, victim: str, lecture: str | None) -> None:
        room = self._room
        pids = {track: room.recorder_pid(track) for track in ROOM}
        assert room.agent is not None
        assert room.uploader is not None
        if victim in ("camera", "microphone"):
            self._shoot([pids[victim]])
            written_ns = self._written_ns(lecture, [victim])
            until("another recorder", lambda: room.recorder_pid(victim) != pids[victim], PATIENCE_S)
            tracks = [victim]
        elif victim in ("supervisor", "everything"):
            # One after the other, as fast as it goes: the recorders would close their files.
            self._shoot(([*pids.values()] if victim == "everything" else []) + [room.agent.pid])
            written_ns = self._written_ns(lecture, [*ROOM])
            room.agent.wait(PATIENCE_S)
            tracks = [*ROOM]
        elif victim == "finisher":
            self._shoot(_children("edge_agent.finisher", room.agent.pid))
            tracks = []
        else:
            room.uploader.kill()
            room.uploader.wait(PATIENCE_S)
            tracks = []
        self.figures.kills[victim] += 1
        if lecture is not None and tracks:
            row, torn = room.lecture(lecture), victim != "supervisor"
            for track in tracks:
                at_s, written_s = (
                    (row.lecture_ns(ns) - START_NS) / 1e9
                    for ns in (self._shot_ns, written_ns[track])
                )
                self.figures.wounds.append(Wound(lecture, track, at_s, written_s, torn))
        self._revive()

    def _written_ns(self, lecture: str | None, tracks: Iterable[str]) -> dict[str, int]:
        """Monotonic time of each track's last write to a file."""
        if lecture is None:
            return {}
        wall_ns = time.time_ns() - time.monotonic_ns()
        return {
            track: max(
                path.stat().st_mtime_ns for path in self._room.spool.track(lecture, track).iterdir()
            )
            - wall_ns
            for track in tracks
        }

    def _shoot(self, pids: list[int]) -> None:
        self._shot_ns = time.monotonic_ns()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal.SIGKILL)

    def _revive(self) -> None:
        """As systemd does."""
        room = self._room
        if room.agent is None or room.agent.poll() is not None:
            room.start_agent()
        if room.uploader is None or room.uploader.poll() is not None:
            room.start_uploader()

    # ------------------------------------------------------------ what must hold

    def _check(self) -> None:
        """What is being moved is found once; what is broken is found again."""
        room = self._room
        for attempt in range(LOOKS):
            facts = room.status().get("tracks", {})
            recording = frozenset(n for n, t in facts.items() if t["phase"] == "recording")
            with room.ledger() as ledger:
                found = findings(gather(room.spool, ledger, recording, hashes=True))
            if not found:
                break
            time.sleep(0.2 * (attempt + 1))
        self.figures.checks += 1
        self.figures.problems += [f"{each.invariant} {each.where} {each.what}" for each in found]

    def _judge(self, lecture: str) -> None:
        """Each wound against the gap that it has left in the delivered manifest."""
        delivered = partial(self._is_delivered, lecture)
        until(f"{lecture} is delivered", delivered, PATIENCE_S)
        self.figures.lectures += 1
        folder = self._room.platform / lecture
        bad = [p for p in verify_package(folder) if "receipts" not in p.file]
        self.figures.problems += [f"{lecture}: {problem.file} {problem.what}" for problem in bad]
        gaps = json.loads((folder / "manifest.json").read_text())["gaps"]
        for wound in self.figures.wounds:
            if wound.lecture == lecture:
                self._measure(wound, [g for g in gaps if g["track"] == wound.track])

    def _is_delivered(self, lecture: str) -> bool:
        state = self._state(lecture)
        if state is State.FAILED:
            raise AssertionError(f"{lecture} failed: {self._room.lecture(lecture).reason}")
        return state is State.DELIVERED

    def _measure(self, wound: Wound, gaps: list[dict[str, float]]) -> None:
        at_s, figures = wound.at_s, self.figures
        hit = [g for g in gaps if g["lectureStart"] <= at_s + 0.5 and g["lectureEnd"] >= at_s]
        where = f"{wound.lecture[-6:]} {wound.track} killed at {at_s:.2f} s"
        if wound.torn and not hit:
            figures.problems.append(f"{where}: there is no gap")
        end_s = min((g["lectureStart"] for g in hit), default=at_s)
        lost = max(0.0, at_s - end_s)
        figures.lost_s.append(lost)
        if wound.torn and hit:
            figures.behind_s.append(wound.written_s - end_s)
            figures.since_s.append(at_s - wound.written_s)
        print(f"MEASURED {where}: {lost:.2f} s lost", flush=True)


def _children(module: str, parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                ppid = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if module.encode() in command and ppid == parent:
                found.append(int(entry.name))
    return found


def main(kills: int, seed: int) -> int:
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        room = Classroom(Path(folder), ROOM)
        room.niceness = UNIT_NICENESS if os.geteuid() == 0 else 0
        loop = KillLoop(room, seed)
        try:
            figures = loop.run(kills)
        finally:
            print(loop.figures.table(), *loop.figures.problems, sep="\n", flush=True)
            room.close()
    return 1 if figures.problems or max(figures.lost_s, default=0) > 1.1 else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()))
