"""How far the ledger had come: a small file beside it, by which an older copy of it is noticed.

A ledger that was put back from a copy is sound, and SQLite has nothing against it. Rows of the
inbox, the events and the lectures are never deleted and their ids only grow; so whatever ledger has
come less far than the mark says is an older one. The mark is written once a minute at most, and
when the agent ends: it may lag behind the ledger, never be ahead of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_agent.durable import write_durably


@dataclass(frozen=True, slots=True)
class Water:
    """The highest ids that the ledger has given."""

    inbox: int = 0
    events: int = 0
    lectures: int = 0

    def behind(self, mark: Water) -> bool:
        """Of anything: in a file of which parts are older, each table has an age of its own."""
        return self.inbox < mark.inbox or self.events < mark.events or self.lectures < mark.lectures


def read(path: Path) -> Water:
    """The mark; zero where there is none, or none that can be read: then nothing is older."""
    try:
        found = json.loads(path.read_bytes())
        return Water(int(found["inbox"]), int(found["events"]), int(found.get("lectures", 0)))
    except (OSError, ValueError, TypeError, KeyError):
        return Water()


def write(path: Path, water: Water) -> None:
    """Durable on return. Raises OSError."""
    write_durably(path, json.dumps(asdict(water)).encode() + b"\n")
