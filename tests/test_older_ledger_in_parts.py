"""Laws of an older copy that is written over the ledger while its log holds newer pages.

What SQLite reads then is of two ages: pages of the log are new, all others old. It is sound for it,
or contradicts itself, depending on which pages have been written since the log began anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.rules.lecture import State
from tests.simulated_room import TRACKS
from tests.test_older_ledger import Day


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    day = Day(tmp_path)
    yield day
    day.close()


def write_over_with_newer_log(day: Day) -> None:
    """The log begins anew with a mark; everything before is in the file, and goes."""
    day.room.ledger._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    day.press("mark", text="in the log")
    with day.room.spool.ledger.open("r+b") as file:
        file.write((day.room.spool.root.parent / "copy.db").read_bytes())
        file.truncate()


@pytest.mark.parametrize("old", ["nothing", "recording", "stopped", "delivered"])
def test_the_lecture_under_way_goes_on_and_the_agent_lives(day: Day, old: str) -> None:
    day.live(old)
    day.copy_ledger()
    day.live("delivered", since=old)
    day.press("start", title="Light", seconds=8)
    before = [day.room.recorders[track] for track in TRACKS]
    write_over_with_newer_log(day)
    day.open_ledger()
    day.room.post("mark", {"text": "by somebody"}, "others commit")  # lost, with the ledger
    day.room.run(4)
    day.open_ledger()
    assert "ledger lost" in day.events(), "it was noticed"
    assert day.lectures()["Light"] is State.RECORDING
    assert [day.room.recorders[track] for track in TRACKS] == before, "recorders do not notice"
    lecture = day.room.ledger.active()
    assert lecture is not None
    assert day.room.ledger.gaps(lecture.id) == []
    day.press("stop")
    day.check_all_is_well("Heat", "Light")
