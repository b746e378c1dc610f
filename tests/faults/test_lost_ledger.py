"""Laws of a room whose ledger is gone or rubbish, with real processes."""

from __future__ import annotations

import random
import subprocess
from typing import Any

import pytest

from edge_agent.ledger import LedgerMissing
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, until
from tests.process.conftest import make_room as make_room
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow


def lose(room: Classroom) -> None:
    for path in room.spool.root.glob("ledger.db*"):
        path.unlink()


def overwrite(room: Classroom) -> None:
    """With the log beside it SQLite would put the latest pages back."""
    for path in room.spool.root.glob("ledger.db-*"):
        path.unlink()
    room.spool.ledger.write_bytes(random.Random(7).randbytes(room.spool.ledger.stat().st_size))


def rebuilt(room: Classroom, lecture: str) -> bool:
    try:
        with room.ledger() as ledger:
            return ledger.lecture(lecture) is not None
    except LedgerMissing:
        return False


def under_way(room: Classroom) -> dict[str, Any]:
    """The status, once a lecture is in it."""
    status = room.status()
    return status if status and status["lecture"] else {}


@pytest.mark.parametrize("harm", [lose, overwrite])
def test_a_lecture_outlives_its_ledger_and_is_delivered_by_the_same_upload_process(
    make_room, harm
) -> None:
    room = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    first = room.begin(title="Delivered before")
    room.until_durable(2)
    room.command("stop")
    room.delivered(first)
    lecture = room.begin(title="Under way")
    room.until_durable(3)
    room.command("mute")
    room.kill_agent()
    harm(room)
    before = {path: path.stat().st_mtime_ns for path in room.platform.rglob("*.mp4")}
    room.start_agent()
    until("the lecture is known again", lambda: rebuilt(room, lecture))
    status = until("the lecture goes on", lambda: under_way(room))
    assert status["muted"], "a muted room is not shown by an accident"
    room.until_durable(status["lecture"]["elapsed_s"] + 1)
    assert room.status()["lecture"]["id"] == lecture, "nobody has ended it"
    room.command("stop")
    for each in (first, lecture):
        room.delivered(each)
    assert room.lecture(lecture).title == "Under way"
    again = {path: path.stat().st_mtime_ns for path in before}
    assert again == before, "what the platform has is not sent again"
    check_clean(room)


def test_people_who_ask_about_a_damaged_ledger_are_told_what_to_do(make_room) -> None:
    room = make_room({"camera": CAMERA})
    room.start_agent()
    room.stop_agent()
    overwrite(room)

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(room.cli(*words), capture_output=True, text=True, timeout=HANG_S)

    told = ask("storage", "check")
    assert told.returncode == 1
    assert "storage check --repair" in told.stderr
    repaired = ask("storage", "check", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "kept as" in repaired.stderr
    assert ask("lectures", "list").returncode == 0
