"""The ledger's table about bookings: what became of each. The bookings themselves are files."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from edge_agent.ledger_tables import Tables
from edge_agent.rows import BookingRow
from edge_agent.rules.bookings import Outcome
from edge_agent.rules.moments import UNKNOWN

#: Why a booking that has begun does not go on: whatever changes later, people have ended it.
STOPPED = "stopped by people"
#: What the room's story calls it.
MISSED_EVENT = f"booking {Outcome.MISSED}"
#: More names at once SQLite may refuse.
_AT_ONCE = 500


class Bookings(Tables):
    """Written by the supervisor."""

    def note_booking(self, row: BookingRow) -> None:
        """What became of a booking, in place of what was known of it before."""
        self._insert("bookings", row.columns(), verb="REPLACE")

    def booking_rows(self, keys: Collection[str]) -> dict[str, BookingRow]:
        """What became of these bookings, as far as anything did.

        A lecture in a ledger that was built anew, or put back from an older copy, knows its booking
        by itself. One of which nothing was recorded does not count.
        """
        found = {row.key: row for row in self._begun(keys)}
        for part in _parts(keys):
            marks = ",".join("?" * len(part))
            query = f"SELECT * FROM bookings WHERE key IN ({marks})"
            found |= {row["key"]: BookingRow.of(row) for row in self._db.execute(query, part)}
        return found

    def _begun(self, keys: Collection[str]) -> Iterable[BookingRow]:
        for part in _parts(keys):
            marks = ",".join("?" * len(part))
            rows = self._db.execute(
                "SELECT id, booking, booked_from_utc, booked_until_utc FROM lectures"
                f" WHERE booking IN ({marks}) AND (state NOT IN ('finishing', 'failed')"
                " OR EXISTS (SELECT 1 FROM segments WHERE lecture = lectures.id)) ORDER BY rowid",
                part,
            )
            for row in rows:
                yield BookingRow(
                    key=row["booking"],
                    starts_utc=row["booked_from_utc"] or UNKNOWN,
                    ends_utc=row["booked_until_utc"] or row["booked_from_utc"] or UNKNOWN,
                    outcome=str(Outcome.BEGUN),
                    reason=STOPPED,  # nobody knows: what has ended does not begin anew
                    lecture=row["id"],
                )

    def missed_bookings(self, ended_after_utc: str) -> list[BookingRow]:
        """Those that were missed and ended after a time, the latest last."""
        rows = self._db.execute(
            "SELECT * FROM bookings WHERE outcome = ? AND ends_utc > ? ORDER BY ends_utc, key",
            (str(Outcome.MISSED), ended_after_utc),
        )
        return [BookingRow.of(row) for row in rows]

    def missed_ever(self) -> int:
        """How often a booking was missed, as far as this ledger goes back; never falls."""
        row = self._db.execute("SELECT count(*) FROM events WHERE kind = ?", (MISSED_EVENT,))
        return int(row.fetchone()[0])

    def booking_stopped(self, key: str, stopped: bool = True) -> None:
        """People have ended its lecture, or taken that back; nothing where it has no booking."""
        self._update("bookings", {"reason": STOPPED if stopped else ""}, {"key": key})

    def drop_bookings(self, ended_before_utc: str) -> None:
        """Forget what is long over."""
        self._db.execute("DELETE FROM bookings WHERE ends_utc < ?", (ended_before_utc,))


def _parts(keys: Collection[str]) -> Iterable[list[str]]:
    names = list(keys)
    for at in range(0, len(names), _AT_ONCE):
        yield names[at : at + _AT_ONCE]
