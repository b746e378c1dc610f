"""Laws of lectures that leave this PC just when something else happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.rules.lecture import State
from tests.simulated_room import SimulatedRoom
from tests.test_bin import ask, recorded, sound, state


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimulatedRoom]:
    room = SimulatedRoom(tmp_path)
    yield room
    room.close()


def test_one_that_arrives_in_the_moment_it_is_purged_ends_nobodys_recording(
    room: SimulatedRoom,
) -> None:
    """The file that was on its way arrives although the lecture lies in the bin."""
    lecture = recorded(room, delivered=False)
    ask(room, "delete", lecture=lecture, undelivered=True)
    for row in room.ledger.outbox(lecture):
        room.ledger.delivered(row, {"sha256": row.sha256}, room.clock.now())
    room.clock.pass_time(2)  # receipts are looked for in the round that hears the command
    ask(room, "purge", lecture=lecture, bin=True)
    assert state(room, lecture) is State.PURGED
    assert sound(room)


def test_what_people_have_changed_since_it_arrived_is_sent_before_it_may_go(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room)
    room.post("edit", {"lecture": lecture, "title": "Heat"}, "edit")
    assert ask(room, "purge", lecture=lecture)["error"]["code"] == "undelivered"
    room.run(5)
    room.upload(10)
    room.run(2)
    assert ask(room, "purge", lecture=lecture)["undelivered_files"] == 0
