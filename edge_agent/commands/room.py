"""What commands know of the room: places, configuration, the running agent, the ledger."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_agent import places
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.locks import is_held
from edge_agent.spool import Runtime, Spool

if TYPE_CHECKING:
    from edge_agent.config import Config
    from edge_agent.ledger import Ledger
    from edge_agent.rows import Lecture

NOT_RUNNING = "the agent is not running; this is what the ledger says"
#: Fewer characters of an id would often mean two lectures.
SHORTEST_ID = 4


@dataclass(frozen=True, slots=True)
class Room:
    """Where this room's files are."""

    written: places.Written
    spool: Spool
    runtime: Runtime

    @property
    def name(self) -> str:
        section = self.written.values.get("room", {})
        return str(section.get("name", "Room")) if isinstance(section, dict) else "Room"

    def alive(self) -> bool:
        """Is there an agent? Its lock is the proof; a status file may be left by a dead one."""
        return is_held(self.runtime.agent_lock)

    def status(self) -> dict[str, Any] | None:
        """What the running agent says of itself; None when there is none (yet)."""
        if not self.alive():
            return None
        try:
            found = json.loads(self.runtime.status.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, for reading."""
        from edge_agent.ledger import Ledger, LedgerMissing

        try:
            ledger = Ledger.read(self.spool.ledger)
        except LedgerMissing:
            raise Failure(
                Exit.NOT_FOUND,
                "no-ledger",
                f"there are no lectures yet: {self.spool.ledger} does not exist",
                "start the agent with: edge-agent run",
            ) from None
        try:
            yield ledger
        finally:
            ledger.close()


def config_option(context: typer.Context) -> Path | None:
    """The file named with --config, if any."""
    found = context.find_root().obj
    return found if isinstance(found, Path) else None


def room(context: typer.Context) -> Room:
    return room_of(config_option(context))


def room_of(file: Path | None) -> Room:
    """The room that a configuration file is for; None: the file in use."""
    written = places.read(file, os.environ)
    spool, runtime = places.storage(written)
    return Room(written, Spool(spool), Runtime(runtime))


def config(context: typer.Context) -> Config:
    from edge_agent.config import load

    return load(config_option(context), os.environ)


def say_if_down(here: Room, report: Report) -> None:
    if not here.alive():
        report.warn(NOT_RUNNING)


def find_lecture(ledger: Ledger, text: str) -> Lecture:
    """The lecture with this id, or the only one whose id begins or ends so; "last": the newest."""
    lectures = ledger.lectures()
    if text == "last" and lectures:
        return lectures[-1]
    found = [each for each in lectures if each.id == text]
    if not found and len(text) >= SHORTEST_ID:
        found = [each for each in lectures if each.id.startswith(text) or each.id.endswith(text)]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} lectures have an id like {text!r}" if found else f"no lecture {text!r}"
    raise Failure(
        Exit.NOT_FOUND,
        "ambiguous-id" if found else "no-such-lecture",
        what,
        "see the ids with: edge-agent lectures list",
    )
