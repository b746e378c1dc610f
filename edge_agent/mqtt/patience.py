"""When to connect again. Pure.

A campus has one broker and thousands of rooms. When it restarts they all lose it in the same
moment; each comes back at a moment of its own choosing, and later after each failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

#: At the start of the process: rooms that boot together after a power cut.
FIRST_S = 3.0
#: After a connection that lasted: 10 000 rooms come back at some 330 a second.
SPREAD_S = 30.0
MOST_S = 300.0
#: A connection that was refused or lost sooner is a failure.
LASTED_S = 60.0


@dataclass(slots=True)
class Patience:
    """Used by one thread."""

    chance: Random
    failures: int = 0

    def first(self) -> float:
        """Seconds to wait before the first connection."""
        return self.chance.uniform(0.0, FIRST_S)

    def next(self, lasted_s: float, hopeless: bool = False) -> float:
        """Seconds to wait after a connection of so many seconds (0: there was none).

        `hopeless`: the broker refuses this room, or another computer goes by its name; people have
        to change something first.
        """
        if hopeless:
            return self.chance.uniform(MOST_S / 2, MOST_S)
        if lasted_s >= LASTED_S:
            self.failures = 0
        most = min(MOST_S, SPREAD_S * 2.0 ** min(self.failures, 10))
        least = most / 2 if self.failures else 0.5
        self.failures += 1
        return self.chance.uniform(least, most)
