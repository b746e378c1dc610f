"""What a check of `edge-agent doctor` looks at, what it says, and what may mend it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_agent.clock import Clock
from edge_agent.commands.programs import answer

if TYPE_CHECKING:
    from edge_agent.accounts import Account
    from edge_agent.commands.room import Room
    from edge_agent.config import Config

#: For questions to systemd and the like.
ASK_S = 5.0
START = "sudo systemctl start edge-agent (or, without a service: edge-agent run)"

Command: TypeAlias = tuple[str, ...]
Ask: TypeAlias = Callable[[list[str]], str | None]


class State(StrEnum):
    OK = "ok"
    NOTE = "note"  # works, and could be better
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Mend:
    """Commands that mend a thing and harm nothing, also when they are not needed any more."""

    commands: tuple[Command, ...]
    root: bool = True

    @property
    def words(self) -> str:
        head = "sudo " if self.root else ""
        return "; ".join(head + shlex.join(command) for command in self.commands)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen. `fix` is the next step; empty when all is well."""

    what: str
    state: State = State.OK
    fix: str = ""
    mend: Mend | None = None

    @classmethod
    def mendable(cls, what: str, state: State, mend: Mend, after: str = "") -> Finding:
        """The next step is what --fix does, and what people do `after` it."""
        return cls(what, state, f"{mend.words}{after}", mend)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the checks look at."""

    room: Room
    config: Config
    clock: Clock
    #: What the running agent says; None when there is none.
    status: Mapping[str, Any] | None
    #: Runs a program and gives its output; None when there is no such program.
    ask: Ask
    #: Where /dev, /etc, /proc and /sys are.
    root: Path = Path("/")
    #: Who records; None: whoever owns the lectures.
    account: Account | None = None


Check: TypeAlias = "Callable[[Ground], Iterator[Finding]]"


def ask(command: list[str]) -> str | None:
    """A program's output; None when it is not there, or says that it cannot."""
    said = answer(command, ASK_S)
    return None if said.fault else said.output
