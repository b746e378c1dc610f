"""The ledger's files may vanish or be replaced while the agent runs: notice it, and put them back.

The agent still holds what was deleted, so nothing is lost: it is copied to the old place, and what
lies there now is kept aside. When its content is spoilt as well, the ledger is filled from the
spool, like at the start, and from what the supervisor knows of the lecture under way. No recorder
notices. Never opens the file beside SQLite: closing it would drop SQLite's locks.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from edge_agent.aside import set_aside
from edge_agent.clock import Now
from edge_agent.durable import sync_file, sync_folder
from edge_agent.ledger import Ledger
from edge_agent.ledger_rescue import FILES, PASSING, find_damage
from edge_agent.ledger_tables import FileId, file_id
from edge_agent.rules.health import SECOND
from edge_agent.spool import Spool

LOOK_NS = SECOND
#: While the agent runs each of them stays the same file: it never closes its connection.
WATCHED = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


class LedgerWatch:
    """Owns nothing; `refill` brings a new and empty ledger together with the spool."""

    def __init__(self, spool: Spool, ledger: Ledger, refill: Callable[[Now], None]) -> None:
        self._spool = spool
        self._ledger = ledger
        self._refill = refill
        self._due_ns = 0
        self._files: dict[str, FileId] = {}

    def look(self, now: Now, damage: str = "") -> None:
        """Once a second; at once when SQLite has found `damage`.

        Raises OSError or OperationalError when the disk refuses: it is tried again then.
        """
        if now.mono_ns < self._due_ns and not damage:
            return
        self._due_ns = now.mono_ns + LOOK_NS
        found = self._found()
        lost = [name for name, file in self._files.items() if file and found[name] != file]
        if lost or damage:
            self._put_back(damage or f"{', '.join(lost)} was deleted or replaced", now)
            found = self._found()
        self._files = found

    def _found(self) -> dict[str, FileId]:
        return {name: file_id(self._spool.root / name) for name in WATCHED}

    def _put_back(self, why: str, now: Now) -> None:
        fresh = self._spool.root / "ledger.db.part"
        whole = self._copied(fresh)
        kept = [
            set_aside(self._spool.aside, self._spool.root / name, name)
            for name in FILES
            if (self._spool.root / name).exists()
        ]
        if whole:
            fresh.rename(self._spool.ledger)
            sync_folder(self._spool.root)
        self._ledger.move_to(Ledger.create(self._spool.ledger))
        how = "as it was" if whole else "built anew"
        aside = f"; what lay there is kept as {kept[-1]}" if kept else ""
        text = f"while the agent ran the ledger was lost ({why}); it is {how}{aside}"
        print(text, file=sys.stderr)
        if not whole:
            self._refill(now)
        self._ledger.add_event(now, "ledger lost", text)

    def _copied(self, fresh: Path) -> bool:
        """Whether the ledger could be copied, all of it and sound."""
        for path in self._spool.root.glob(f"{fresh.name}*"):
            path.unlink()
        try:
            self._ledger.copy_to(fresh)
            whole = not find_damage(fresh)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING:
                raise
            return False
        if whole:
            sync_file(fresh)
        return whole
