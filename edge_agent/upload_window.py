"""What the configured limits say at this moment, by the local clock."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.clock import Clock
from uploader.limits import Limit, Limits


@dataclass(frozen=True, slots=True)
class Window:
    """Asked often while a file is sent, so that a limit counts from its minute on."""

    limits: Limits
    clock: Clock

    def limit(self) -> Limit:
        """A clock that was never set says nothing of the hour: then the strictest of all holds."""
        now = self.clock.now()
        if now.trust == "unset":
            return self.limits.strictest()
        return self.limits.at(now.utc.astimezone())

    def open(self) -> bool:
        """Whether anything may be sent now."""
        return not self.limit().pauses
