"""The ledger's files may vanish or be replaced while the agent runs: notice it, and put them back.

The agent still holds what was deleted, so nothing is lost: it is copied to the old place, and what
lies there now is kept aside. When its content is spoilt as well, the ledger is filled from the
spool, like at the start, and from what the supervisor knows of the lecture under way. No recorder
notices. Never opens the file beside SQLite: closing it would drop SQLite's locks.

An older copy that was written over the file is sound. It shows by what it lacks, and is brought up
to date like a new one. How far the ledger has come is noted beside it, for the next start.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from edge_agent import ledger_mark
from edge_agent.aside import set_aside
from edge_agent.clock import Now
from edge_agent.durable import sync_file, sync_folder
from edge_agent.ledger import Ledger
from edge_agent.ledger_mark import Water
from edge_agent.ledger_rescue import FILES, PASSING, find_damage
from edge_agent.ledger_tables import FileId, file_id
from edge_agent.rules.health import SECOND
from edge_agent.spool import Spool

LOOK_NS = SECOND
#: How far the ledger has come is noted at most so often: two syncs.
NOTE_NS = 60 * SECOND
OLDER = "an older one was written over it"
#: While the agent runs each of them stays the same file: it never closes its connection.
WATCHED = ("ledger.db", "ledger.db-wal", "ledger.db-shm")


class LedgerWatch:
    """Owns nothing; `refill` brings a new and empty ledger together with the spool."""

    def __init__(self, spool: Spool, ledger: Ledger, refill: Callable[[Now], None]) -> None:
        self._spool = spool
        self._ledger = ledger
        self._refill = refill
        self._due_ns = self._note_due_ns = 0
        self._files: dict[str, FileId] = {}
        #: How far the ledger has come, and how far the note says.
        self._water = self._noted = Water()

    def look(self, now: Now, damage: str = "") -> None:
        """At the beginning of each round, before anything relies on the ledger.

        The files are looked at once a second; at once when SQLite has found `damage`.
        Raises OSError or OperationalError when the disk refuses: it is tried again then.
        """
        if now.mono_ns < self._due_ns and not damage:
            self._look_at_water(now)
            return
        self._due_ns = now.mono_ns + LOOK_NS
        if damage and not self._ledger_is_damaged():
            damage = ""
        found = self._found()
        lost = [name for name, file in self._files.items() if file and found[name] != file]
        if lost or damage:
            self._put_back(damage or f"{', '.join(lost)} was deleted or replaced", now)
            found = self._found()
        self._files = found
        self._look_at_water(now)
        self._note_due_ns = self._note_due_ns or now.mono_ns + NOTE_NS  # not while devices wait
        if now.mono_ns >= self._note_due_ns:
            self._note_due_ns = now.mono_ns + NOTE_NS
            self.note()

    def _ledger_is_damaged(self) -> bool:
        """SQLite has contradicted itself; the whole file says whether it is the file's fault."""
        try:
            return bool(self._ledger.integrity_problems())
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING:
                raise
            return True

    def note(self) -> None:
        """Let the next start know how far the ledger has come. Raises OSError."""
        if self._water != self._noted:
            ledger_mark.write(self._spool.mark, self._water)
            self._noted = self._water

    def _look_at_water(self, now: Now) -> None:
        water = self._ledger.water()
        if water.behind(self._water):
            self.note()  # the refilling compares with it
            self._put_back(OLDER, now)
            self._files, water = self._found(), self._ledger.water()
        self._water = water

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
        older = self._ledger.water().behind(self._water)
        how = "brought up to date" if whole and older else "as it was" if whole else "built anew"
        aside = f"; what lay there is kept as {kept[-1]}" if kept else ""
        text = f"while the agent ran the ledger was lost ({why}); it is {how}{aside}"
        print(text, file=sys.stderr)
        if older or not whole:
            self._refill(now)
        self._ledger.add_event(now, "ledger lost", text)
        self._water = self._ledger.water()

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
