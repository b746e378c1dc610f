"""What the panel reads of the room: lock, status, ledger, levels, pictures, the upload's news.

Read-only, and blocking: it runs in a thread of the panel's own. Nothing here asks the agent.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock, Now
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.locks import is_held
from edge_agent.panel.rehearsal import is_test
from edge_agent.rows import Event, Gap, Lecture
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.spool import Runtime, Spool

#: The queue changes slowly; what is under way is read each time.
QUEUE_NS = 2_000_000_000
LAST_LECTURES = 10
LAST_EVENTS = 20
MOST_FAILED = 50
#: Test recordings are looked for among so many lectures; so many are told.
TESTS_OF, LAST_TESTS = 60, 3
NS = 1_000_000_000
#: Under way, not packaged yet, never begun, or with its files gone.
_NOT_THERE = ACTIVE | {State.FINISHING, State.PLANNED, State.MISSED, State.PURGED}


@dataclass(frozen=True, slots=True)
class Journey:
    """How far a lecture is on its way."""

    lecture: Lecture
    bytes: int = 0
    arrived: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A test recording that is still on this computer."""

    lecture: Lecture
    binned: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything at one moment."""

    now: Now
    #: None: no agent, or one that has said nothing for too long.
    status: Mapping[str, Any] | None
    active: Lecture | None = None
    #: All-track gaps of the lecture under way, or of the last one.
    gaps: tuple[Gap, ...] = ()
    #: The latest lecture, when it is neither under way nor in the bin.
    last: Lecture | None = None
    journeys: tuple[Journey, ...] = ()
    upload: Mapping[str, Any] | None = None
    waiting_files: int = 0
    waiting_bytes: int = 0
    #: The ledger cannot be read: why.
    trouble: str = ""
    #: Lectures that could not be packaged, the latest last, however long ago; none from the bin.
    failed: tuple[Lecture, ...] = ()


class Reader:
    """Used by one thread."""

    def __init__(self, spool: Spool, runtime: Runtime, clock: Clock) -> None:
        self._spool = spool
        self._runtime = runtime
        self._clock = clock
        self._ledger: Ledger | None = None
        self._inode = 0
        self._queue_due_ns = 0
        self._journeys: tuple[Journey, ...] = ()
        self._waiting = (0, 0)
        self._failed: tuple[Lecture, ...] = ()
        self._binned: frozenset[str] = frozenset()

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def look(self, queue_too: bool = False) -> Reading:
        """Never raises for what disk and agent do: the panel says what is wrong."""
        now = self._clock.now()
        status = self._status(now)
        try:
            return self._rows(now, status, queue_too)
        except LedgerMissing:
            return Reading(now, status)
        except (sqlite3.Error, OSError) as error:
            self.close()
            return Reading(now, status, trouble=str(error))

    def events(self, count: int = LAST_EVENTS) -> list[Event]:
        """The room's last events; none when the ledger cannot be read."""
        try:
            return self._open().last_events(count)
        except (LedgerMissing, sqlite3.Error, OSError):
            self.close()
            return []

    def counts(self) -> dict[State, int]:
        """How many lectures are in each state; empty when the ledger cannot be read."""
        try:
            ledger = self._open()
            return {state: len(ledger.ids(state)) for state in State}
        except (LedgerMissing, sqlite3.Error, OSError):
            self.close()
            return {}

    def tests(self) -> list[Rehearsal]:
        """The last test recordings; none when the ledger cannot be read."""
        try:
            ledger = self._open()
            binned = ledger.binned()
            ended = (it for it in ledger.latest(TESTS_OF) if it.state not in _NOT_THERE)
            found = [Rehearsal(it, it.id in binned) for it in ended if is_test(it)]
            return found[:LAST_TESTS]
        except (LedgerMissing, sqlite3.Error, OSError):
            self.close()
            return []

    def recent(self, count: int) -> list[Lecture]:
        """The last lectures, for their courses."""
        try:
            return self._open().latest(count)
        except (LedgerMissing, sqlite3.Error, OSError):
            self.close()
            return []

    # ------------------------------------------------------------ pieces

    def _status(self, now: Now) -> Mapping[str, Any] | None:
        try:
            if not is_held(self._runtime.agent_lock):
                return None
        except OSError:
            return None
        found = _json(self._runtime.status)
        return found if found and found.get("boot") == now.boot else None

    def _rows(self, now: Now, status: Mapping[str, Any] | None, queue_too: bool) -> Reading:
        ledger = self._open()
        last = next(iter(ledger.latest(1)), None)
        gaps = tuple(g for g in ledger.gaps(last.id) if g.track is None) if last else ()
        active = last if last is not None and last.state in ACTIVE else None
        if queue_too or now.mono_ns >= self._queue_due_ns:
            self._queue_due_ns = now.mono_ns + QUEUE_NS
            self._read_queue(ledger)
        uploads = is_held(self._runtime.upload_lock)
        gone = last is not None and last.id in self._binned
        return Reading(
            now,
            status,
            active,
            gaps,
            None if active or gone else last,
            self._journeys,
            _json(self._runtime.upload) if uploads else None,
            *self._waiting,
            failed=self._failed,
        )

    def _read_queue(self, ledger: Ledger) -> None:
        self._binned = ledger.binned()
        shown = (it for it in ledger.latest(LAST_LECTURES) if it.id not in self._binned)
        self._journeys = tuple(_journey(ledger, each) for each in shown)
        failed = [it for it in ledger.lectures(State.FAILED) if it.id not in self._binned]
        self._failed = tuple(failed[-MOST_FAILED:])
        rows = ledger.waiting()
        self._waiting = len(rows), sum(row.bytes for row in rows)

    def _open(self) -> Ledger:
        """A ledger that was built anew is another file."""
        path = self._spool.ledger
        inode = path.stat().st_ino if path.exists() else 0
        if self._ledger is not None and inode != self._inode:
            self.close()
        if self._ledger is None:
            self._ledger, self._inode = Ledger.read(path), inode
        return self._ledger


def _journey(ledger: Ledger, lecture: Lecture) -> Journey:
    if lecture.state not in (State.HELD, State.PACKAGED):
        return Journey(lecture)
    rows = ledger.outbox(lecture.id)
    errors = [row.last_error for row in rows if row.last_error and row.receipt is None]
    return Journey(
        lecture,
        sum(row.bytes for row in rows),
        sum(row.bytes for row in rows if row.receipt is not None),
        errors[0] if errors else "",
    )


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
