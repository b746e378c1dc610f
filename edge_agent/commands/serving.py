"""What the smaller services have in common: one of a kind, and systemd knows how they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from edge_agent.locks import only_one
from edge_agent.stopping import Stop, told_by_signals
from edge_agent.systemd import notify

S = TypeVar("S")
S_in = TypeVar("S_in", contravariant=True)


class Program(Protocol[S_in]):
    """Goes on until `stop` is set, and calls `alive` after each turn."""

    def __call__(self, service: S_in, stop: Stop, alive: Callable[[], object]) -> None: ...


def serve(
    lock: Path,
    what: str,
    furnish: Callable[[Stop], tuple[S, Callable[[], None]]],
    program: Program[S],
) -> None:
    """Until SIGTERM or SIGINT. `furnish` gives the service, and what ends what it has begun.

    Raises AlreadyRunning, OSError.
    """
    with told_by_signals() as stop, only_one(lock, what):
        service, close = furnish(stop)
        notify("READY=1")
        try:
            program(service, stop, alive=lambda: notify("WATCHDOG=1"))
        finally:
            close()
        notify("STOPPING=1")
