"""One room's series of power cuts, OLD is how many past lectures its spool keeps:

    python -m tests.faults.power_room ROOT SEED CUTS OLD [KIND...]

Prints one JSON line for each cut, and one for each lecture. The laws are in power_laws.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_agent.rules.lecture import ACTIVE, State
from tests.archive import stock
from tests.faults import power_laws as laws
from tests.faults.power import NS, PoweredRoom
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, UNIT_NICENESS, until

TRACKS = {"camera": CAMERA, "microphone": MICROPHONE}
#: The agent is up and records again long before, but for a machine that does other things too.
PATIENCE_S = 120.0
#: One in so many past lectures still waits for its delivery.
WAITING_OF = 20
KINDS = ("recording", "rotation", "recovery", "finishing", "uploading", "migration")


class Series:
    """Lectures in one room, each cut several times."""

    def __init__(self, room: PoweredRoom, chance: random.Random, old: int = 0) -> None:
        self._room = room
        self._chance = chance
        #: How many past lectures the spool keeps, and whether they are there.
        self._old, self._stocked = old, False
        self._lectures: list[str] = []

    # ------------------------------------------------------------ one kind of moment each

    def migration(self) -> Iterator[dict[str, Any]]:
        """In the agent's very first moments, while it makes its ledger; with each lecture anew."""
        room = self._room
        self._end_of_life()
        self._boot()
        room.spawn_agent()
        until("a ledger", lambda: room.spool.ledger.exists() or None)
        time.sleep(self._chance.uniform(0, 0.1))
        yield self._cut("migration", None)

    def recording(self, cuts: int = 1) -> Iterator[dict[str, Any]]:
        """Once or several times in one lecture, at any point of a segment."""
        lecture = self._begin()
        for _ in range(cuts):
            time.sleep(self._chance.uniform(0.5, 12.0))
            mark = self._room.command("mark", text=f"{self._chance.random()}")
            yield self._cut("recording", lecture) | {"mark": mark["at_s"]}
            yield self._goes_on(lecture)
        self._finish(lecture)

    def rotation(self) -> Iterator[dict[str, Any]]:
        """Right when a segment got its name and its row: where other recorders were caught."""
        lecture = self._begin()
        until("a segment is closed", lambda: self._segments(lecture))
        time.sleep(self._chance.choice([0, self._chance.uniform(0, 0.2)]))
        yield self._cut("rotation", lecture)
        yield self._goes_on(lecture)
        self._finish(lecture)

    def recovery(self) -> Iterator[dict[str, Any]]:
        """While recording, and again while the agent is starting to go on."""
        lecture = self._begin()
        time.sleep(self._chance.uniform(1, 3))
        yield self._cut("recording", lecture)
        self._boot()
        self._room.spawn_agent()
        time.sleep(self._chance.uniform(0.4, 3.0))
        yield self._cut("recovery", None)
        yield self._goes_on(lecture)
        self._finish(lecture)

    def finishing(self) -> Iterator[dict[str, Any]]:
        """After the stop was answered, while files are closed and the package is built."""
        lecture = self._begin()
        time.sleep(self._chance.uniform(2, 5))
        self._room.command("stop")
        time.sleep(self._chance.choice([0, self._chance.uniform(0, 3)]))
        yield self._cut("finishing", lecture)
        self._never_resumes(lecture)
        self._delivered(lecture)

    def uploading(self) -> Iterator[dict[str, Any]]:
        """From the package on, while it is delivered and its segments are dropped."""
        lecture = self._begin()
        time.sleep(self._chance.uniform(1, 3))
        self._room.start_uploader()
        self._room.command("stop")
        self._room.until_state(lecture, State.PACKAGED, State.DELIVERED)
        time.sleep(self._chance.uniform(0, 0.4))
        yield self._cut("uploading", lecture)
        self._never_resumes(lecture)
        self._delivered(lecture)

    # ------------------------------------------------------------ steps

    def _begin(self) -> str:
        room = self._room
        if room.agent is None or room.agent.poll() is not None:
            self._stock()
            self._boot()
            room.start_agent()
        room.until_armed()
        lecture = room.begin()
        self._lectures.append(lecture)
        until("this lecture is recorded", lambda: self._records(lecture), PATIENCE_S)
        room.until_durable(0.5)
        return lecture

    def _boot(self) -> None:
        self._room.boot(self._chance.uniform(10, 300))

    def _stock(self) -> None:
        """What years of lectures leave behind, durable. The agent is down."""
        if self._old and not self._stocked:
            self._stocked = True
            stock(self._room.spool, self._old, waiting=self._old // WAITING_OF)
            os.sync()

    def _end_of_life(self) -> None:
        """The ledger and all lectures go: as a new PC."""
        self._lectures.clear()
        self._stocked = False
        self._room.kill_all()
        for folder in (self._room.spool.root, self._room.platform):
            shutil.rmtree(folder, ignore_errors=True)
        self._room.platform.mkdir()
        os.sync()

    def _cut(self, kind: str, lecture: str | None) -> dict[str, Any]:
        """Pull the plug, then compare the disk with what was known just before."""
        room = self._room
        looked = room.spool.ledger.exists() and kind not in ("migration", "recovery")
        before = laws.rows_now(room.spool.ledger) if looked else {}
        # How full each recorder's queue was: what waits there is lost as well, on a busy computer.
        tracks = room.status().get("tracks", {})
        waiting = {name: track["backlog"] for name, track in tracks.items()}
        at_ns = room.cut()
        after = laws.rows_after(room.spool.ledger) if room.spool.ledger.exists() else {}
        laws.committed_rows_are_there(before, after)
        laws.closed_segments_are_whole(after, room.spool)
        lost = self._lost(lecture, before, at_ns) if lecture and before else {}
        return {"cut": kind, "lost_s": lost, "waiting": waiting}

    def _lost(self, lecture: str, before: laws.Tables, at_ns: int) -> Mapping[str, float]:
        """Seconds of each track that was being recorded that are not on the disk."""
        row = before["lectures"][(lecture,)]
        if not self._room.spool.tracks(lecture).exists() or row["duration_s"] is not None:
            return {}
        end_ns = min(at_ns - row["epoch_ns"], row["end_ns"] or at_ns)
        ends = dict(laws.ends_on_disk(self._room.spool, lecture))
        if set(ends) != set(TRACKS):
            raise laws.Broken(f"only {sorted(ends)} of {lecture} are on the disk")
        return {track: max(0.0, (end_ns - last_ns) / NS) for track, last_ns in ends.items()}

    def _goes_on(self, lecture: str) -> dict[str, float]:
        """Start the agent; seconds until it has its lecture, and until every track is recorded."""
        room = self._room
        self._boot()
        began = time.monotonic()
        room.spawn_agent()
        until("the agent has its lecture", lambda: self._knows(lecture), PATIENCE_S)
        up_s = time.monotonic() - began
        until("the same lecture goes on", lambda: self._records(lecture), PATIENCE_S)
        back_s = time.monotonic() - began
        elapsed = room.status()["lecture"]["elapsed_s"]
        room.until_durable(elapsed + 1.5)
        self._explained(lecture)
        return {"up_s": up_s, "back_s": back_s}

    def _knows(self, lecture: str) -> bool:
        return (self._room.status().get("lecture") or {}).get("id") == lecture

    def _records(self, lecture: str) -> bool:
        tracks = self._room.status().get("tracks", {}).values()
        return self._knows(lecture) and all(track["phase"] == "recording" for track in tracks)

    def _explained(self, lecture: str) -> None:
        """Each track has a gap with the cause, which is over."""
        with self._room.ledger() as ledger:
            gaps = ledger.gaps(lecture)
        for track in TRACKS:
            mine = [gap for gap in gaps if gap.track == track]
            if not any(gap.cause == "power lost" and gap.end_ns for gap in mine):
                raise laws.Broken(f"the power cut is no gap of {track}: {mine}")

    def _never_resumes(self, lecture: str) -> None:
        self._boot()
        self._room.start_agent()
        status = self._room.status()
        if self._room.lecture(lecture).state in ACTIVE or status["lecture"]:
            raise laws.Broken(f"{lecture} goes on though its stop was answered")

    def _finish(self, lecture: str) -> None:
        self._room.command("stop")
        self._delivered(lecture)

    def _delivered(self, lecture: str) -> None:
        """At the platform, whole, once; and the room's storage is sound."""
        room = self._room
        if room.uploader is None or room.uploader.poll() is not None:
            room.start_uploader()
        until("it is delivered", lambda: self._is_delivered(lecture), PATIENCE_S)
        room.delivered(lecture)
        there = [path.name for path in room.platform.iterdir()]
        if there.count(lecture) != 1 or not set(self._lectures) <= set(there):
            raise laws.Broken(f"of {self._lectures} the platform has {there}")
        if torn := list((room.platform / lecture).rglob("*.part")):
            raise laws.Broken(f"the platform has {torn}")
        until("segments are dropped", lambda: not room.spool.tracks(lecture).exists())
        self._check_storage()

    def _segments(self, lecture: str) -> int:
        with self._room.ledger() as ledger:
            return len(ledger.segments(lecture))

    def _is_delivered(self, lecture: str) -> bool:
        state = self._room.lecture(lecture)
        if state.state is State.FAILED:
            raise laws.Broken(f"{lecture} failed: {state.reason}")
        return state.state is State.DELIVERED

    def _check_storage(self) -> None:
        done = subprocess.run(
            self._room.cli("storage", "check"), capture_output=True, text=True, timeout=HANG_S
        )
        if done.returncode:
            raise laws.Broken(f"storage check: {done.stdout}{done.stderr}")


def run(root: Path, seed: int, cuts: int, old: int, kinds: list[str]) -> int:
    """A series with so many cuts; 1 when a law is broken or something hangs."""
    chance = random.Random(seed)
    room = PoweredRoom(root, TRACKS)
    room.niceness = UNIT_NICENESS
    series = Series(room, chance, old)
    try:
        done = 0
        plan = chance.sample(kinds, k=len(kinds))
        while done < cuts:
            kind = plan.pop(0) if plan else chance.choice(kinds)
            several = (
                {"cuts": min(chance.randint(1, 3), cuts - done)} if kind == "recording" else {}
            )
            for fact in getattr(series, kind)(**several):
                done += "cut" in fact
                print(json.dumps(fact), flush=True)
    except (laws.Broken, AssertionError):
        print(json.dumps({"broken": traceback.format_exc()[-3000:]}), flush=True)
        print(room.log()[-6000:], file=sys.stderr)
        return 1
    finally:
        room.close()
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    root, seed, cuts, old, *kinds = words
    sys.exit(run(Path(root), int(seed), int(cuts), int(old), kinds or list(KINDS)))
