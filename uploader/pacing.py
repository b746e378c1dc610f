"""How long to wait after failures. Pure: time and chance come in as arguments."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S = 2.0
#: A stick is plugged in, a server comes back: five minutes later at most we are at it again.
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The failures in a row of one destination, and when to try again (monotonic seconds)."""

    failures: int = 0
    not_before: float = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds from `now` until the next try is due; 0 when it is."""
        return max(0.0, self.not_before - now)

    def after_failure(self, now: float, chance: float, retry_after_s: float | None = None) -> Pace:
        """`retry_after_s`: the other side asks for that long; chance adds up to a quarter."""
        failures = self.failures + 1
        delay = delay_s(failures, chance)
        if retry_after_s is not None:
            delay = max(delay, retry_after_s * (1.0 + chance / 4.0))
        return Pace(failures, now + delay)


def delay_s(
    failures: int, chance: float, first_s: float = FIRST_S, longest_s: float = LONGEST_S
) -> float:
    """Doubling up to the longest, of which the later half is left to `chance` (0..1).

    Chance keeps the rooms of a building from coming back all at the same instant.
    """
    doublings = min(failures - 1, 16)  # enough to reach the ceiling, and no huge powers
    full = min(longest_s, first_s * 2.0**doublings)
    return full * (1.0 + chance) / 2.0
