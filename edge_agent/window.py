"""From when to when a recording goes, in lecture time. Pure."""

from __future__ import annotations

from edge_agent.messages import Record


class Window:
    """From when to when is recorded, in lecture time."""

    def __init__(self, command: Record) -> None:
        self.epoch_ns = command.epoch_ns
        self.start_ns = command.start_mono_ns - command.epoch_ns
        self.end_ns: int | None = None
        #: Lecture time of the first sample that was recorded, None before.
        self.first_ns: int | None = None

    def finish_at(self, mono_ns: int) -> None:
        """Samples after this instant are not wanted any more."""
        self.end_ns = max(mono_ns - self.epoch_ns, self.start_ns)

    def overdue(self, mono_ns: int, grace_ns: int) -> bool:
        """Its end has passed and the device has had time to deliver what came before."""
        return self.end_ns is not None and mono_ns - self.epoch_ns > self.end_ns + grace_ns

    def ended(self, at_ns: int) -> bool:
        return self.end_ns is not None and at_ns >= self.end_ns

    def began(self, at_ns: int) -> None:
        self.first_ns = at_ns if self.first_ns is None else self.first_ns
