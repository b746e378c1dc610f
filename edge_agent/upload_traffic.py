"""The data that was sent, counted by local hour in the ledger, so that no restart forgets it."""

from __future__ import annotations

from datetime import datetime, timedelta

from edge_agent.clock import Clock
from edge_agent.ledger import Ledger
from edge_agent.rows import Traffic

#: A kill costs the count of so many seconds of sending at most.
FLUSH_S = 5.0
#: The hour is looked up so often: each block that leaves is counted.
HOUR_S = 1.0
#: Longer than a month and than what a forecast looks back.
KEPT_DAYS = 70
_NS = 1_000_000_000


class Meter:
    """Counts for the destinations it is told of; used by the upload process alone."""

    def __init__(self, ledger: Ledger, clock: Clock, networks: frozenset[str]) -> None:
        """`networks`: the destinations whose bytes count for the budgets."""
        self._ledger = ledger
        self._clock = clock
        self._networks = networks
        self._pending: dict[str, tuple[int, float]] = {}
        self._slot: tuple[str, int] | None = None
        self._used = (0, 0)
        self._due_ns = self._hour_ns = 0

    def add(self, destination: str, count: int, seconds: float = 0.0) -> None:
        """So many bytes more, in so many seconds more."""
        self._see_hour()
        before = self._pending.get(destination, (0, 0.0))
        self._pending[destination] = (before[0] + count, before[1] + seconds)
        if self._clock.mono_ns() >= self._due_ns:
            self.flush()

    def used(self) -> tuple[int, int]:
        """Bytes of this day and of this month that count for the budgets.

        Without a clock both are those of the last day that anybody knows, and what came after it.
        """
        self._see_hour()
        fresh = sum(n for place, (n, _) in self._pending.items() if place in self._networks)
        return self._used[0] + fresh, self._used[1] + fresh

    def flush(self) -> None:
        """Into the ledger. Raises sqlite3.Error; then it is still counted here."""
        self._due_ns = self._clock.mono_ns() + round(FLUSH_S * _NS)
        rows = self._rows()
        if not rows or self._slot is None:
            return
        self._ledger.add_traffic(rows)
        fresh = sum(row.bytes for row in rows if row.destination in self._networks)
        self._pending = {}
        self._used = (self._used[0] + fresh, self._used[1] + fresh)

    def _rows(self) -> list[Traffic]:
        day, hour = self._slot or ("", -1)
        return [Traffic(day, hour, p, n, s) for p, (n, s) in self._pending.items() if n or s]

    def _see_hour(self) -> None:
        mono_ns = self._clock.mono_ns()
        if self._slot is not None and mono_ns < self._hour_ns:
            return
        self._hour_ns = mono_ns + round(HOUR_S * _NS)
        slot = self._now()
        if slot != self._slot:
            self._turn(slot)

    def _turn(self, slot: tuple[str, int]) -> None:
        """Another hour begins, or the clock was set."""
        if self._slot is not None:
            self.flush()
        day = slot[0]
        if day:
            self._ledger.date_traffic(day)
            oldest = datetime.fromisoformat(day) - timedelta(days=KEPT_DAYS)
            self._ledger.drop_traffic(oldest.date().isoformat())
        self._slot = slot
        self._used = self._counted(day or self._ledger.last_traffic_day())

    def _counted(self, day: str) -> tuple[int, int]:
        rows = [r for r in self._ledger.traffic(day[:7]) if r.destination in self._networks]
        month = sum(row.bytes for row in rows if row.day[:7] in (day[:7], ""))
        return sum(row.bytes for row in rows if row.day in (day, "")), month

    def _now(self) -> tuple[str, int]:
        now = self._clock.now()
        if now.trust == "unset":
            return "", -1
        local = now.utc.astimezone()
        return local.date().isoformat(), local.hour
