"""Laws of a ledger whose files vanish, or are replaced, while the agent records."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import pytest

from tests.faults.test_lost_ledger import lose, overwrite
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until
from tests.process.conftest import make_room as make_room
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow


def lose_log(room: Classroom) -> None:
    for path in room.spool.root.glob("ledger.db-*"):
        path.unlink()


def replace(room: Classroom) -> None:
    """As a restored backup would: another file takes the place."""
    other = room.root / "other.db"
    other.write_bytes(random.Random(3).randbytes(50_000))
    other.replace(room.spool.ledger)


def keep_copy(room: Classroom) -> None:
    with room.ledger() as ledger:
        ledger.copy_to(room.root / "older.db")


def write_older(room: Classroom) -> None:
    """As `cp` does it: the same file, sound, and without the lecture under way."""
    with sqlite3.connect(room.spool.ledger) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with room.spool.ledger.open("r+b") as file:
        file.write((room.root / "older.db").read_bytes())
        file.truncate()


def noticed(room: Classroom) -> bool:
    return "while the agent ran the ledger was lost" in room.log()


@pytest.mark.parametrize("harm", [lose, lose_log, replace, overwrite, write_older])
def test_nothing_stops_and_nothing_is_lost_or_sent_twice(
    make_room, harm: Callable[[Classroom], None]
) -> None:
    room = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    first = room.begin(title="Delivered before")
    room.until_durable(2)
    room.command("stop")
    room.delivered(first)
    sent = {path: path.stat().st_mtime_ns for path in room.platform.rglob("*.mp4")}
    keep_copy(room)
    lecture = room.begin(title="Under way")
    room.until_durable(12)  # a segment of each track is closed
    pids = [room.recorder_pid(name) for name in ("camera", "microphone")]
    harm(room)
    until("it is noticed", lambda: noticed(room))
    room.command("mark", text="after")
    reached = room.status()["lecture"]["elapsed_s"]
    room.until_durable(reached + 1)
    assert [room.recorder_pid(name) for name in ("camera", "microphone")] == pids
    room.command("stop")
    room.delivered(lecture)
    room.delivered(first)
    assert room.lecture(lecture).title == "Under way"
    assert room.manifest(lecture)["gaps"] == []
    assert [mark["text"] for mark in room.manifest(lecture)["marks"]] == ["after"]
    assert {path: path.stat().st_mtime_ns for path in sent} == sent
    check_clean(room)
