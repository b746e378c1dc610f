"""What there is to tell an Opencast of this room, and what it has heard already.

Read from the agent's status, the ledger and the room's copy of the calendar; none of it is changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.config_destinations import agent_calendar
from edge_agent.durable import make_folder_durably, write_durably
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.rows import BookingRow
from edge_agent.rules.bookings import Booking, Outcome
from edge_agent.rules.capture_agent import Booked, Seen, event_of, over
from edge_agent.rules.lecture import State
from edge_agent.schedule_store import BadStore, ScheduleStore
from edge_agent.spool import Runtime, Spool
from uploader.opencast_notes import EVENT

#: People may begin a booked lecture so long before its time.
EARLY = timedelta(hours=1)
VERSION = 1


class RoomSeen:
    """What there is to tell, read from status, ledger and the room's copy of the calendar."""

    def __init__(
        self, destination: str, spool: Spool, runtime: Runtime, alive: Callable[[], bool]
    ) -> None:
        self._destination, self._name = destination, agent_calendar(destination)
        self._ledger = spool.ledger
        self._store = ScheduleStore(spool.schedule)
        self._status = runtime.status
        self._alive = alive
        #: The bookings, read again when the copy has changed.
        self._stamp: object = None
        self._held: list[Booking] = []

    def look(self, told: Mapping[str, str], now: datetime) -> Seen:
        """`told`: by event; nothing more is asked of one that is over. Raises sqlite3.Error."""
        status = self._read_status() if self._alive() else {}
        tracks = status.get("tracks") or {}
        return Seen(
            alive=bool(status),
            phases={name: str(it.get("phase")) for name, it in tracks.items()},
            flavors={name: str(it.get("flavor")) for name, it in tracks.items()},
            recording=bool(status.get("lecture")),
            booked=tuple(self._booked(told, now)),
        )

    def _read_status(self) -> dict[str, Any]:
        """Replaced as a whole by the agent; without one there is nothing to say."""
        try:
            found = json.loads(self._status.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _booked(self, told: Mapping[str, str], now: datetime) -> Iterator[Booked]:
        near = [b for b in self._bookings() if b.starts <= now + EARLY]
        bookings = [b for b in near if not over(told.get(self._event(b), ""))]
        if not bookings:
            return
        try:
            ledger = Ledger.read(self._ledger)
        except LedgerMissing:
            return
        try:
            rows = ledger.booking_rows([booking.key for booking in bookings])
            for key, row in rows.items():
                yield self._one(ledger, key, row)
        finally:
            ledger.close()

    def _bookings(self) -> list[Booking]:
        try:
            stamp = self._store.stamp()
            if stamp != self._stamp:
                calendar = self._store.calendar(self._name)
                bookings = calendar.bookings if calendar else ()
                self._held = [b for b in bookings if self._event(b)]
                self._stamp = stamp
        except (BadStore, OSError):
            return []  # the supervisor tells people
        return self._held

    def _event(self, booking: Booking) -> str:
        return event_of(booking.key, self._name)

    def _one(self, ledger: Ledger, key: str, row: BookingRow) -> Booked:
        event = event_of(key, self._name)
        lecture = ledger.lecture(row.lecture) if row.lecture else None
        if lecture is None:
            return Booked(event, None, missed=row.outcome == Outcome.MISSED)
        files = [r for r in ledger.outbox(lecture.id) if r.destination == self._destination]
        begun = ledger.transfer(self._destination, lecture.id, EVENT.name, EVENT.sha256)
        return Booked(
            event,
            State(lecture.state),
            sending=begun is not None,
            sent=bool(files) and all(each.delivered_utc for each in files),
        )


class Told:
    """What Opencast has heard of each event: a file beside the room's copy of the calendar."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, str]:
        """Empty when it is lost: then all is told again."""
        try:
            found = json.loads(self._file.read_bytes())
            return {str(event): str(state) for event, state in found["told"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def write(self, told: Mapping[str, str]) -> None:
        """Raises OSError."""
        make_folder_durably(self._file.parent)
        text = json.dumps({"version": VERSION, "told": dict(told)}, indent=1)
        write_durably(self._file, text.encode(), mode=0o640)
