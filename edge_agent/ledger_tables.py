"""One connection to the ledger's file, and what every table needs. See `edge_agent.ledger`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

from edge_agent.ledger_mark import Water

#: Another process may hold the write lock for one commit, 0.3 s on a slow disk; 10 s is a fault.
BUSY_TIMEOUT_MS = 10_000


#: A commit that takes longer has met a slow disk, and others may be waiting for its end.
SLOW_COMMIT_S = 0.25
#: So long the ledger is left to them: who waits looks every 0.1 s, as SQLite does it.
TURN_S = 0.15

#: Device and inode of a file; None when there is none.
FileId: TypeAlias = tuple[int, int] | None


def file_id(path: Path) -> FileId:
    """Which file stands under a name. Opening it instead would drop SQLite's locks on it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class _TakingTurns(sqlite3.Connection):
    """Lets others write between two slow commits.

    Whoever waits for SQLite's lock sleeps and looks again. On a disk with syncs of two seconds the
    supervisor was seen to commit so closely that a press of a button found no gap within 10 s.
    """

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        began = time.monotonic()
        try:
            return super().execute(*arguments)
        finally:
            if not self.in_transaction and time.monotonic() - began > SLOW_COMMIT_S:
                time.sleep(TURN_S)


class Tables:
    """One connection to the ledger, used by the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.row_factory = sqlite3.Row

    def close(self) -> None:
        self._db.close()

    def copy_to(self, path: Path) -> None:
        """The whole ledger as this connection has it, also when its files have lost their names."""
        target = sqlite3.connect(path)
        try:
            self._db.backup(target)
        finally:
            target.close()

    def move_to(self, other: Self) -> None:
        """Go on with another connection, which `other` gives away. Nothing may be under way."""
        old, self._db = self._db, other._db
        old.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable on return; nests into the transaction already begun."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full or failing disk may have rolled back by itself
                self._db.execute("ROLLBACK")
            raise

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when sound."""
        found = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check")]
        found += [
            f"foreign key: {tuple(row)}" for row in self._db.execute("PRAGMA foreign_key_check")
        ]
        return [] if found == ["ok"] else [line for line in found if line != "ok"]

    def water(self) -> Water:
        """How far this ledger has come. Looked at each round: three steps to the end of a table."""
        query = (
            "SELECT (SELECT max(id) FROM inbox), (SELECT max(id) FROM events),"
            " (SELECT max(rowid) FROM lectures)"
        )
        inbox, events, lectures = self._db.execute(query).fetchone()
        return Water(inbox or 0, events or 0, lectures or 0)

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns; none when there is no such table."""
        rows = self._db.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return {row["name"] for row in rows}

    def _of(self, table: str, lecture: str, order: str) -> sqlite3.Cursor:
        query = f"SELECT * FROM {table} WHERE lecture = ? ORDER BY {order}"
        return self._db.execute(query, (lecture,))

    def _insert(
        self, table: str, columns: Mapping[str, Any], verb: str = "INSERT", conflict: str = ""
    ) -> None:
        """`conflict` names its key: OR IGNORE would pass over every other fault as well."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._db.execute(
            f"{verb} INTO {table} ({names}) VALUES ({marks}) {conflict}", list(columns.values())
        )

    def _update(self, table: str, columns: Mapping[str, Any], key: Mapping[str, Any]) -> None:
        sets = ", ".join(f"{name} = ?" for name in columns)
        where = " AND ".join(f"{name} = ?" for name in key)
        self._db.execute(
            f"UPDATE {table} SET {sets} WHERE {where}",
            [*columns.values(), *key.values()],
        )


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Autocommit: transactions are begun and ended by `Tables.transaction` alone."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        factory=_TakingTurns,
    )
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if not mode.startswith("ro"):
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.Error:  # only now was the file really opened
        connection.close()
        raise
    return connection
