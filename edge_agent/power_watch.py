"""Tell people once when the computer begins to run on its battery, and once when that is over.

The kernel asks the battery's own controller, which may take its time: it is looked at in a thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from edge_agent.clock import Now
from edge_agent.guard_watch import OVER
from edge_agent.ledger import Ledger
from edge_agent.watching import Watching

EVERY_NS = 10_000_000_000
#: A look that takes longer has hung, and then nobody knows.
STALE_NS = 60_000_000_000
ON_BATTERY = "on battery"
ADVICE = "plug the power cable in"


class PowerWatch:
    """Used by the supervisor's loop."""

    def __init__(self, ledger: Ledger, look: Callable[[], bool] | None) -> None:
        """`look`: whether the computer runs on its battery; None: nobody can tell."""
        self._ledger = ledger
        self._watching = (
            Watching(look, False, every_ns=EVERY_NS, stale_ns=STALE_NS, name="power")
            if look is not None
            else None
        )
        #: As people have been told.
        self.on_battery = False

    def step(self, now: Now) -> None:
        """Once a round. May raise OperationalError; then it is told the next time."""
        if self._watching is None:
            return
        on_battery = self._watching.sight(now.mono_ns)
        if on_battery == self.on_battery:
            return
        lecture = self._ledger.active()
        kind, text = (ON_BATTERY, ADVICE) if on_battery else (OVER, ON_BATTERY)
        self._ledger.add_event(now, kind, text, lecture.id if lecture else None)
        self.on_battery = on_battery
        if on_battery:
            print(f"{ON_BATTERY}: {ADVICE}", file=sys.stderr)

    def close(self) -> None:
        if self._watching is not None:
            self._watching.close()
