"""The ledger's tables about sending: people's orders, the data used, forecasts and arrivals."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.clock import Now
from edge_agent.ledger_tables import Tables
from edge_agent.rows import ForecastRow, Lecture, OutboxRow, Traffic, UploadOrder

#: An order ends what was ordered before it by these verbs.
ENDS = {
    "pause": ("pause", "resume", "now"),
    "resume": ("pause", "resume"),
    "limit": ("limit", "timetable"),
    "timetable": ("limit", "timetable"),
}
#: Of the others so many are kept.
MOST_ORDERS = 2000
#: Two stages of each lecture and destination, for some months.
MOST_FORECASTS = 1000


class UploadControl(Tables):
    """Orders: written by whoever gives them. All else: written by the upload process."""

    def order_upload(
        self,
        now: Now,
        verb: str,
        *,
        lectures: Iterable[str] = ("",),
        rate: int | None = None,
        seconds: float | None = None,
        until_utc: str | None = None,
        origin: str = "cli",
    ) -> int:
        """Give an order, which ends after so many seconds, also known as `until_utc`; its id."""
        until_ns = None if seconds is None else now.mono_ns + round(seconds * 1e9)
        with self.transaction():
            for each in ENDS.get(verb, ()):
                self._db.execute("DELETE FROM upload_orders WHERE verb = ?", (each,))
            for lecture in lectures:
                self._insert(
                    "upload_orders",
                    {
                        "verb": verb,
                        "lecture": lecture,
                        "rate": rate,
                        "until_utc": until_utc,
                        "boot": now.boot,
                        "until_ns": until_ns,
                        "issued_utc": now.utc_text,
                        "origin": origin,
                    },
                )
            last = self.last_order()
            self._forget_orders(last - MOST_ORDERS)
        return last

    def _forget_orders(self, oldest: int) -> None:
        """What was asked for and has arrived was asked for once."""
        self._db.execute(
            "DELETE FROM upload_orders WHERE verb = 'now'"
            " AND lecture NOT IN (SELECT lecture FROM outbox WHERE receipt IS NULL)"
        )
        self._db.execute(
            "DELETE FROM upload_orders WHERE verb IN ('now', 'retry') AND id <= ?", (oldest,)
        )

    def last_order(self) -> int:
        """The id of the newest order; 0: there is none."""
        row = self._db.execute("SELECT max(id) AS id FROM upload_orders").fetchone()
        return int(row["id"] or 0)

    def upload_orders(self) -> list[UploadOrder]:
        """In the sequence in which they were given."""
        rows = self._db.execute("SELECT * FROM upload_orders ORDER BY id")
        return [UploadOrder.of(row) for row in rows]

    def add_traffic(self, rows: Iterable[Traffic]) -> None:
        """Add to what is counted already."""
        with self.transaction():
            for row in rows:
                self._insert(
                    "traffic",
                    row.columns(),
                    conflict="ON CONFLICT(day, hour, destination) DO UPDATE SET"
                    " bytes = bytes + excluded.bytes, seconds = seconds + excluded.seconds",
                )

    def traffic(self, since_day: str) -> list[Traffic]:
        """What was sent since a local day; always with what was sent before the clock was set."""
        rows = self._db.execute("SELECT * FROM traffic WHERE day >= ? OR day = ''", (since_day,))
        return [Traffic.of(row) for row in rows]

    def last_traffic_day(self) -> str:
        """The last local day on which something was sent; "" if there is none."""
        return str(self._db.execute("SELECT max(day) AS day FROM traffic").fetchone()["day"] or "")

    def date_traffic(self, day: str) -> None:
        """The clock is set: what nobody could date is counted on this day, in an hour of none."""
        with self.transaction():
            undated = [row for row in self.traffic("~") if row.day == ""]
            self.add_traffic(Traffic(day, -1, r.destination, r.bytes, r.seconds) for r in undated)
            self._db.execute("DELETE FROM traffic WHERE day = ''")

    def drop_traffic(self, before_day: str) -> None:
        self._db.execute("DELETE FROM traffic WHERE day != '' AND day < ?", (before_day,))

    def recent_outbox(self, since_utc: str) -> list[OutboxRow]:
        """What waits, in order of value, and all of the lectures that began since then.

        What people have thrown away is neither sent nor expected again.
        """
        rows = self._db.execute(
            "SELECT outbox.* FROM outbox JOIN lectures ON lectures.id = outbox.lecture"
            " WHERE (receipt IS NULL OR started_utc >= ?)"
            " AND outbox.lecture NOT IN (SELECT lecture FROM bin)"
            " ORDER BY priority, lectures.rowid DESC, name",
            (since_utc,),
        )
        return [OutboxRow.of(row) for row in rows]

    def recent_lectures(self, since_utc: str) -> list[Lecture]:
        """In the order of their starts: begun since then, or with something that waits."""
        rows = self._db.execute(
            "SELECT * FROM lectures WHERE (started_utc >= ?"
            " OR id IN (SELECT lecture FROM outbox WHERE receipt IS NULL))"
            " AND id NOT IN (SELECT lecture FROM bin) ORDER BY rowid",
            (since_utc,),
        )
        return [Lecture.of(row) for row in rows]

    def forecasts(self) -> list[ForecastRow]:
        rows = self._db.execute("SELECT * FROM forecasts ORDER BY made_utc, lecture, stage")
        return [ForecastRow.of(row) for row in rows]

    def first_forecast(
        self, lecture: str, destination: str, stage: str, now: Now, expected_utc: str
    ) -> None:
        """Kept is the first one only."""
        self._insert(
            "forecasts",
            {
                "lecture": lecture,
                "destination": destination,
                "stage": stage,
                "made_utc": now.utc_text,
                "expected_utc": expected_utc,
            },
            conflict="ON CONFLICT(lecture, destination, stage) DO NOTHING",
        )
        self._db.execute(
            "DELETE FROM forecasts WHERE rowid NOT IN"
            " (SELECT rowid FROM forecasts ORDER BY made_utc DESC LIMIT ?)",
            (MOST_FORECASTS,),
        )

    def arrived(self, lecture: str, destination: str, stage: str, now: Now) -> None:
        """Kept is the first arrival: a later revision of the package is another matter."""
        self._db.execute(
            "UPDATE forecasts SET arrived_utc = ?"
            " WHERE lecture = ? AND destination = ? AND stage = ? AND arrived_utc IS NULL",
            (now.utc_text, lecture, destination, stage),
        )
