"""What a destination is: a place that takes finished files and proves that it holds them.

All kinds of destinations pass tests/contracts/test_destination.py. A destination remembers
nothing between calls: after any doubt it is asked (`receipt`), and what is there decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

Receipt: TypeAlias = Mapping[str, Any]
#: Called at least once a MiB (on a network: or a second) with what is being done and how many bytes
#: of the file are through ("asking": nothing of the file, the destination is waited for). It may
#: raise to break off; what has arrived is used by the next try.
Phase: TypeAlias = Literal["copying", "verifying", "asking"]
Progress: TypeAlias = Callable[[Phase, int], None]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a finished lecture: what must arrive, to the byte."""

    name: str
    bytes: int
    sha256: str
    media_type: str = "application/octet-stream"


class SendError(Exception):
    """A file did not arrive; `reason` is a sentence for people, with the next step."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transient(SendError):
    """The destination's side or the way to it: the same try may succeed later.

    `retry_after_s`: the server asks not to be asked before. `progressed`: something arrived in this
    try, so that it was not one more failure in a row.
    """

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, progressed: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.progressed = progressed


class Pending(SendError):
    """All bytes are there, the destination's proof is not yet: ask for it later, send others."""


class Permanent(SendError):
    """This file cannot be sent as it is; other files can."""


class MakesWay(Exception):
    """Raised out of progress: something is worth more.

    A request whose bytes a cut would lose may end first, when that is a matter of seconds.
    """


class Destination(Protocol):
    """One place. Used by one thread."""

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        """The proof that the artifact is held already, or None. Raises Transient, Pending."""

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        """Bring the file at `path` there, from where the last try ended. Raises SendError."""


@runtime_checkable
class Carried(Protocol):
    """A destination that people bring and take away."""

    def news(self) -> object:
        """Another value than last time: it is worth asking again at once."""
