"""The bookings that a room has missed, for those who call people. Read-only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta

from edge_agent.clock import Now, rfc3339
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.panel.reading import NS
from edge_agent.rows import BookingRow
from edge_agent.spool import Spool

#: Nothing about them changes faster.
EVERY_NS = 10 * NS
#: Somebody is called for what was missed so long ago at most.
RECENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Missed:
    """`recent`: the latest last; `ever`: how many there were, None when nobody knows."""

    recent: tuple[BookingRow, ...] = ()
    ever: int | None = None


class MissedBookings:
    """Used by one thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._due_ns = 0
        self._found = Missed()

    def look(self, now: Now) -> Missed:
        """What cannot be read stays as it was."""
        if now.mono_ns >= self._due_ns:
            self._due_ns = now.mono_ns + EVERY_NS
            self._found = self._read(now) or self._found
        return self._found

    def _read(self, now: Now) -> Missed | None:
        try:
            ledger = Ledger.read(self._spool.ledger)
            try:
                recent = ledger.missed_bookings(rfc3339(now.utc - RECENT))
                return Missed(tuple(recent), ledger.missed_ever())
            finally:
                ledger.close()
        except (LedgerMissing, sqlite3.Error, OSError):
            return None
