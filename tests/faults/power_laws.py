"""What must hold at each power cut, as comparisons of what was there before and after it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from encoders.boxes import read_index

Row = Mapping[str, Any]
#: The rows of each table by their keys.
Tables = dict[str, dict[tuple[Any, ...], Row]]

_KEYS = {
    "lectures": ("id",),
    "tracks": ("lecture", "name"),
    "segments": ("lecture", "track", "seq"),
    "gaps": ("id",),
    "marks": ("id",),
    "inbox": ("id",),
    "outbox": ("lecture", "destination", "name"),
    "events": ("id",),
}
#: What a commit has written stays written, whatever may be written after it.
_FINAL = {
    "lectures": ("started_utc", "title"),
    "segments": ("name", "bytes", "sha256", "start_ns", "end_ns"),
    "gaps": ("start_ns", "cause"),
    "marks": ("at_ns", "text"),
    "inbox": ("verb", "key"),
    "events": ("kind", "text"),
}
_ORDER = [
    State.RECORDING,
    State.PAUSED,
    State.FINISHING,
    State.HELD,
    State.PACKAGED,
    State.DELIVERED,
]


class Broken(Exception):
    """A law does not hold."""


def rows_now(ledger: Path) -> Tables:
    """Every row, as another process sees it while the agent works."""
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN")
        return _rows(connection)
    finally:
        connection.close()


def rows_after(ledger: Path) -> Tables:
    """Every row that a copy of the ledger has after the cut; the ledger itself is left alone."""
    with tempfile.TemporaryDirectory() as folder:
        for file in ledger.parent.glob("ledger.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        connection = sqlite3.connect(Path(folder) / ledger.name)
        connection.row_factory = sqlite3.Row
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                raise Broken(f"the ledger is damaged: {found}")
            return _rows(connection)
        finally:
            connection.close()


def _rows(connection: sqlite3.Connection) -> Tables:
    names = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
    return {
        table: {
            tuple(row[name] for name in key): dict(row)
            for row in connection.execute(f"SELECT * FROM {table}")
        }
        for table, key in _KEYS.items()
        if table in names
    }


def committed_rows_are_there(before: Tables, after: Tables) -> None:
    """Every row that was committed before the cut is there after it, or a newer one of its key."""
    for table, rows in before.items():
        for key, row in rows.items():
            now = after.get(table, {}).get(key)
            if now is None and table == "segments" and _packaged(after, row["lecture"]):
                continue  # the package holds them, so they were dropped
            if now is None:
                raise Broken(f"a committed row of {table} is gone: {key}")
            lost = [name for name in _FINAL.get(table, ()) if row[name] != now[name]]
            lost += [name for name in ("answer", "receipt") if row.get(name) and not now[name]]
            if lost or _rank(row) > _rank(now):
                raise Broken(f"the row {key} of {table} went back: {lost} {row} {now}")


def _packaged(tables: Tables, lecture: str) -> bool:
    return tables["lectures"][(lecture,)]["state"] in (State.PACKAGED, State.DELIVERED)


def _rank(row: Row) -> int:
    if "epoch_boot" not in row:  # no lecture
        return 0
    return max(1, _ORDER.index(State(row["state"])))  # recording and paused may alternate


def closed_segments_are_whole(after: Tables, spool: Spool) -> None:
    """A segment's row means that the file is there with that size and content."""
    for row in after.get("segments", {}).values():
        if _packaged(after, row["lecture"]):
            continue
        path = spool.track(row["lecture"], row["track"]) / row["name"]
        if not path.exists():
            raise Broken(f"{path.name} of {row['track']} has a row but no file")
        data = path.read_bytes()
        if len(data) != row["bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
            raise Broken(f"{path.name} of {row['track']} is not what its row says")


def ends_on_disk(spool: Spool, lecture: str) -> Iterator[tuple[str, int]]:
    """Track → lecture time up to which whole fragments are on the disk, names notwithstanding."""
    for folder in sorted(spool.tracks(lecture).iterdir()):
        ends = [read_index(path).end_ns for path in folder.iterdir() if path.stat().st_size]
        if ends:
            yield folder.name, max(ends)
