"""The ledger: what the processes of one room know together. Only the `ledger_*` modules have SQL.

WAL with synchronous=FULL: NORMAL was measured to lose 10 to 16 committed rows at a power cut. Each
column has one writing process (see `edge_agent.migrations`). Reading opens the file read-only, so
`edge-agent status` works, and stays harmless, when the agent is down.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edge_agent.ledger_bin import Bin
from edge_agent.ledger_bookings import Bookings
from edge_agent.ledger_lectures import Lectures
from edge_agent.ledger_queues import Inbox, LeftOut, Outbox
from edge_agent.ledger_tables import connect
from edge_agent.ledger_upload import UploadControl
from edge_agent.ledger_warnings import Warnings
from edge_agent.rules.lecture import State

if TYPE_CHECKING:
    from edge_agent.finish_messages import (
        Artifact,
        TrackSound,
    )


class LedgerMissing(Exception):
    """There is no ledger yet: the agent has never run with this spool."""


class Ledger(Lectures, Warnings, Inbox, Outbox, Bin, UploadControl, Bookings):
    """One connection to the ledger, used by the thread that opened it."""

    @classmethod
    def create(cls, path: Path) -> Ledger:
        """Open for writing and bring the schema up to date. Only the supervisor does this."""
        connection = connect(path, "rwc")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            _bring_up_to_date(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def write(cls, path: Path) -> Ledger:
        """Open an existing ledger for writing, schema as it is."""
        return cls(_open_existing(path, "rw"))

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Open an existing ledger for reading only."""
        ledger = cls(_open_existing(path, "ro"))
        try:
            ledger.lecture("")
        except sqlite3.DatabaseError as error:
            # WAL needs files beside the ledger that this user may not make. They are absent only
            # when nobody has the ledger open: then it stands still, and can be read without them.
            at_rest = not path.with_name(path.name + "-wal").exists()
            ledger.close()
            if not (at_rest and isinstance(error, sqlite3.OperationalError)):
                raise
            return cls(_open_existing(path, "ro&immutable=1"))
        return ledger

    def package(
        self,
        lecture: str,
        state: State,
        duration_s: float,
        artifacts: Iterable[Artifact],
        destinations: Iterable[str],
        sound: Iterable[TrackSound] = (),
        left_out: LeftOut = MappingProxyType({}),
        **more: Any,
    ) -> None:
        """PACKAGED and the outbox rows in one transaction: neither exists without the other.

        `left_out`: names of files, by destination. `more`: further columns of the lecture.
        """
        with self.transaction():
            self.set_state(lecture, state, duration_s=duration_s, reason="", **more)
            for it in sound:
                columns = it.model_dump(exclude={"track"})
                self._update("tracks", columns, {"lecture": lecture, "name": it.track})
            self.enqueue(lecture, artifacts, destinations, left_out)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Apply the migrations that have not been applied.

    What they stand in is remembered by its checksum: sqlite-utils takes longer to load, with all
    that it loads itself, than everything else that is done with the ledger at a start.
    """
    wanted = zlib.crc32(Path(__file__).with_name("migrations.py").read_bytes()) >> 1
    if connection.execute("PRAGMA user_version").fetchone()[0] == wanted:
        return
    from sqlite_utils import Database

    from edge_agent.migrations import ledger as migrations

    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version={wanted}")


def _open_existing(path: Path, mode: str) -> sqlite3.Connection:
    if not path.exists():
        raise LedgerMissing(str(path))
    return connect(path, mode)
