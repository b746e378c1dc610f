"""A clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from edge_agent.clock import Now

SECOND = 1_000_000_000
#: A Monday, 10:00 in Phnom Penh.
MORNING = datetime(2026, 11, 23, 3, tzinfo=UTC)


@dataclass
class FixedClock:
    mono: int = 1_000 * SECOND
    utc: datetime = field(default_factory=lambda: datetime(2026, 11, 22, 10, tzinfo=UTC))
    boot: str = "boot-1"
    trust: str = "synchronised"
    #: Nanoseconds of sleep, which the monotonic clock does not count.
    asleep: int = 0

    def now(self) -> Now:
        return Now(self.mono, self.utc, self.boot, self.trust, self.asleep)

    def mono_ns(self) -> int:
        return self.mono

    def pass_time(self, seconds: float) -> Now:
        self.mono += int(seconds * SECOND)
        self.utc += timedelta(seconds=seconds)
        return self.now()

    def reboot(self, off_seconds: float, boot: str = "boot-2") -> Now:
        """The monotonic clock begins anew; the wall clock goes on."""
        self.boot, self.mono = boot, 30 * SECOND
        self.utc += timedelta(seconds=off_seconds)
        return self.now()
