"""Laws of captions whose order is cut short, or whose ledger or destination is behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.packager import packaged as listed
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.verify import verify_package
from tests.simulated_room import SimulatedRoom
from tests.simulated_room import room as room
from tests.test_captions import FRENCH, VTT, add, is_sound, remove
from tests.test_continue import answer, state
from tests.test_holding import packaged, sent

# ---------------------------------------------------------------- cut short


@pytest.mark.parametrize("writes", range(1, 8))
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", ["captions-add", "captions-remove"])
def test_a_kill_leaves_one_revision_or_the_other_and_what_was_answered_has_happened(
    room: SimulatedRoom, verb: str, writes: int, after: bool
) -> None:
    lecture = packaged(room)
    if verb == "captions-remove":
        add(room, lecture)
    sent(room, lecture)
    room.die_soon(writes, after)
    number = room.post(verb, {"lecture": lecture.id, "language": "fr", "text": VTT}, "once")
    room.run(4)
    assert verify_package(room.spool.package(lecture.id)) == []
    if room.supervisor is None:
        room.start()
    room.die_soon(None)
    room.run(8)
    sent(room, lecture)
    command = room.ledger.command(number)
    assert command is not None
    assert command.state == "done"
    is_sound(room, lecture, *(["fr"] if verb == "captions-add" else []))
    assert state(room, lecture) is State.DELIVERED
    assert len(set(room.platform.contents)) == len(room.platform.contents)


@pytest.mark.parametrize("there", [True, False])
def test_after_a_power_cut_between_file_and_ledger_the_package_follows_the_files(
    room: SimulatedRoom, there: bool
) -> None:
    """The press itself is too late then; who gave it has no answer, and looks."""
    lecture = packaged(room)
    add(room, lecture)
    sent(room, lecture)
    path = room.spool.captions(lecture.id) / ("captions.km.vtt" if there else FRENCH)
    if there:
        path.write_text(VTT)
    else:
        path.unlink()
    room.cut_power(60, None)
    room.start()
    room.run(6)
    sent(room, lecture)
    is_sound(room, lecture, *(["fr", "km"] if there else []))
    assert state(room, lecture) is State.DELIVERED


def test_an_older_ledger_that_is_put_back_sends_what_it_does_not_know_and_waits_for_nothing_gone(
    room: SimulatedRoom, tmp_path: Path
) -> None:
    lecture = packaged(room)
    add(room, lecture, language="km")
    room.ledger.copy_to(tmp_path / "copy.db")
    add(room, lecture)
    remove(room, lecture, "km")
    room.room.watch.note()
    room.kill_supervisor()
    room.ledger.close()
    for path in room.spool.root.glob("ledger.db*"):
        path.unlink()
    (tmp_path / "copy.db").rename(room.spool.ledger)
    room.ledger = type(room.ledger).write(room.spool.ledger)
    room.restart_uploader()
    room.start()
    room.run(8)
    sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED
    is_sound(room, lecture, "fr")


# ---------------------------------------------------------------- what takes a lecture once


def opened(room: SimulatedRoom, lecture: Lecture) -> dict[str, set[str]]:
    """A second destination that gets no manifest, as an Opencast; what is left out of it."""
    rows = [row for row in room.ledger.outbox(lecture.id) if row.name == "presenter.mp4"]
    for row in rows:
        room.ledger._insert("outbox", row.columns() | {"destination": "campus", "receipt": None})
    return {"campus": {row.name for row in room.ledger.outbox(lecture.id)} - {"presenter.mp4"}}


def test_they_come_along_where_a_lecture_was_not_handed_over_yet(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    left_out = opened(room, lecture)
    add(room, lecture)
    at = room.spool.package(lecture.id) / FRENCH
    room.ledger.enqueue_changed(lecture.id, listed(at.parent).artifacts, left_out)
    there = [row for row in room.ledger.outbox(lecture.id) if row.destination == "campus"]
    assert {row.name for row in there} == {"presenter.mp4", FRENCH}


def test_where_it_was_handed_over_they_do_not_go_and_people_are_told(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    opened(room, lecture)
    [row] = [it for it in room.ledger.outbox(lecture.id) if it.destination == "campus"]
    room.ledger.delivered(row, {"state": "received"}, room.clock.now())
    told = answer(room, "captions-add", lecture=lecture.id, language="fr", text=VTT)
    assert told["not_sent_to"] == ["campus"]
    room.run(4)
    there = [row for row in room.ledger.outbox(lecture.id) if row.destination == "campus"]
    assert [row.name for row in there] == ["presenter.mp4"]
