"""kill -9 of random processes of a room that records one short lecture after another.

    python -m tests.faults.kill_loop KILLS [SEED]

Prints what was lost at each kill, and a table at the end; exit code 1 when a promise was broken.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.storage_check import findings, gather
from edge_agent.verify import verify_package
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, until

ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
VICTIMS = ("camera", "microphone", "supervisor", "everything", "upload", "finisher")
KILLS_A_LECTURE = 5


@dataclass
class Figures:
    """What happened, and what must not have happened."""

    kills: Counter[str] = field(default_factory=Counter)
    #: (lecture, track, seconds since the press) of each kill that can cost media.
    wounds: list[tuple[str, str, float]] = field(default_factory=list)
    lost_s: list[float] = field(default_factory=list)
    lectures: int = 0
    checks: int = 0
    problems: list[str] = field(default_factory=list)

    def table(self) -> str:
        lost = sorted(self.lost_s) or [0.0]
        middle, most = statistics.median(lost), lost[-1]
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kinds}) over {self.lectures} lectures; lost per kill "
            f"and track: median {middle:.2f} s, max {most:.2f} s of {len(lost)}; "
            f"{self.checks} storage checks; {len(self.problems)} problems"
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
        room = self._room
        number = room.post("start")
        if self._dice.random() < 0.2:
            self._kill("supervisor", None)
        lecture = str(room.answer(number)["lecture"])
        for _ in range(min(KILLS_A_LECTURE, kills - self.figures.kills.total())):
            self._until_recording()
            time.sleep(self._dice.uniform(0, 2.5))
            self._kill(self._dice.choice(VICTIMS[:5]), lecture)
            self._check()
        self._until_recording()
        number = room.post("stop")
        time.sleep(self._dice.uniform(0, 1.5))
        self._kill(self._dice.choice(("finisher", "finisher", "supervisor", "upload")), None)
        room.answer(number)
        return lecture

    def _until_recording(self) -> None:
        for track in ROOM:
            until(f"{track} records", lambda: self._track_records(track))  # noqa: B023

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
            until("another recorder", lambda: room.recorder_pid(victim) != pids[victim])
            tracks = [victim]
        elif victim in ("supervisor", "everything"):
            # One after the other, as fast as it goes: the recorders would close their files.
            self._shoot(([*pids.values()] if victim == "everything" else []) + [room.agent.pid])
            room.agent.wait(HANG_S)
            tracks = [*ROOM]
        elif victim == "finisher":
            self._shoot(_children("edge_agent.finisher", room.agent.pid))
            tracks = []
        else:
            room.uploader.kill()
            room.uploader.wait(HANG_S)
            tracks = []
        self.figures.kills[victim] += 1
        if lecture is not None and tracks:
            at_s = (room.lecture(lecture).lecture_ns(self._shot_ns) - START_NS) / 1e9
            self.figures.wounds += [(lecture, track, at_s) for track in tracks]
        self._revive()

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
        for attempt in range(5):
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
        until(f"{lecture} is delivered", lambda: self._state(lecture) is State.DELIVERED, 300)
        self.figures.lectures += 1
        folder = self._room.platform / lecture
        bad = [p for p in verify_package(folder) if "receipts" not in p.file]
        self.figures.problems += [f"{lecture}: {problem.file} {problem.what}" for problem in bad]
        gaps = json.loads((folder / "manifest.json").read_text())["gaps"]
        for one, track, at_s in self.figures.wounds:
            if one != lecture:
                continue
            mine = [g for g in gaps if g["track"] == track]
            hit = [g for g in mine if g["lectureStart"] <= at_s + 0.5 and g["lectureEnd"] >= at_s]
            lost = max((at_s - g["lectureStart"] for g in hit), default=0.0)
            self.figures.lost_s.append(max(0.0, lost))
            print(
                f"MEASURED {lecture[-6:]} {track} killed at {at_s:.2f} s: {lost:.2f} s lost",
                flush=True,
            )


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
        loop = KillLoop(room, seed)
        try:
            figures = loop.run(kills)
        finally:
            print(loop.figures.table(), *loop.figures.problems, sep="\n", flush=True)
            room.close()
    return 1 if figures.problems or max(figures.lost_s) > 1.1 else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()))
