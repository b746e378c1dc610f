"""How much may be told: a bucket of bytes that fills by the hour. Pure.

Small changes wait until there is enough in it. What people are waiting for (a start, a stop, an
alarm) may overdraw it, so that an hour of many presses is told at once and paid for by the next.
"""

from __future__ import annotations

from dataclasses import dataclass

#: With a ping a minute (15 840 bytes an hour) an hour of small changes is below 50 000 bytes,
#: whatever changes; a hectic one is below 70 000.
CAPACITY, PER_HOUR, OVERDRAFT = 16_000, 16_000, 20_000


@dataclass(slots=True)
class Ration:
    """Used by one thread; times are seconds of a monotonic clock."""

    left: float = CAPACITY
    asked_s: float | None = None

    def take(self, now_s: float, size: int, urgent: bool) -> bool:
        """Spend `size` bytes, or (False) nothing."""
        passed_s = 0.0 if self.asked_s is None else max(0.0, now_s - self.asked_s)
        self.asked_s = now_s
        self.left = min(CAPACITY, self.left + passed_s * PER_HOUR / 3600)
        if self.left - size < (-OVERDRAFT if urgent else 0):
            return False
        self.left -= size
        return True
