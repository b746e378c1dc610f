"""A damaged ledger makes way: it is kept aside, and a new one begins.

The room must record whatever has become of the file. Recovery fills the new ledger from the spool;
lost are the events, and the receipts, for which the upload process asks again.
"""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import fields
from pathlib import Path

from edge_agent.aside import set_aside
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.rows import (
    BinRow,
    BookingRow,
    Command,
    Event,
    ForecastRow,
    Gap,
    Lecture,
    MarkRow,
    Mute,
    OutboxRow,
    Segment,
    Track,
    Traffic,
    UploadOrder,
    WarningRow,
)
from edge_agent.rules.lecture import UNPACKAGED
from edge_agent.spool import Spool

#: What SQLite says of a sound file that cannot be used now. Everything else is damage.
PASSING = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
TABLES = {
    "lectures": Lecture,
    "tracks": Track,
    "segments": Segment,
    "gaps": Gap,
    "marks": MarkRow,
    "mutes": Mute,
    "warnings": WarningRow,
    "events": Event,
    "inbox": Command,
    "outbox": OutboxRow,
    "upload_orders": UploadOrder,
    "traffic": Traffic,
    "forecasts": ForecastRow,
    "bin": BinRow,
    "bookings": BookingRow,
}
#: In this order: a ledger without its log is found damaged again, a log without its ledger is not.
FILES = ("ledger.db-shm", "ledger.db-wal", "ledger.db-journal", "ledger.db")


def open_ledger(spool: Spool, now: Now) -> Ledger:
    """The ledger for its one writer, a new one in place of a damaged one.

    Only while no other supervisor runs. Raises sqlite3.Error when the disk refuses, OSError too.
    """
    damage = find_damage(spool.ledger)
    if not damage:
        return Ledger.create(spool.ledger)
    kept = [
        set_aside(spool.aside, spool.root / name, name)
        for name in FILES
        if (spool.root / name).exists()
    ]
    ledger = Ledger.create(spool.ledger)
    text = f"the ledger was damaged ({damage}) and is built anew; the old one is kept as {kept[-1]}"
    print(text, file=sys.stderr)
    ledger.add_event(now, "set aside", text)
    return ledger


def find_damage(path: Path) -> str:
    """What is wrong with the ledger's file; empty when it is sound, or when there is none."""
    if not path.exists():
        return ""
    try:
        ledger = Ledger.create(path)
        try:
            problems = ledger.integrity_problems() or _schema_problems(ledger)
            if not problems:
                _read_everything(ledger)
        finally:
            ledger.close()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING:
            raise
        return str(error)
    except ValueError as error:
        return str(error)
    return problems[0] if problems else ""


def _schema_problems(ledger: Ledger) -> list[str]:
    """A flipped bit in a column's name is sound for SQLite."""
    return [
        f"table {table} has no column {row.name}"
        for table, kind in TABLES.items()
        for row in fields(kind)
        if row.name not in ledger.columns(table)
    ]


def _read_everything(ledger: Ledger) -> None:
    """Rows that SQLite finds sound may still say what no agent has written. Raises ValueError."""
    ledger.muted()
    ledger.outbox()
    ledger.new_commands()
    ledger.upload_orders()
    ledger.traffic("")
    ledger.forecasts()
    ledger.bin()
    ledger.lectures()
    for lecture in ledger.lectures(*UNPACKAGED):
        for read in (
            ledger.tracks,
            ledger.segments,
            ledger.gaps,
            ledger.marks,
            ledger.mutes,
            ledger.warnings,
            ledger.events,
        ):
            read(lecture.id)
