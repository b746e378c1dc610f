"""Laws of lectures that are held back, and of words that change after the package was made."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest

from edge_agent import lecture_file, ledger_mark
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.rules.manifest import Manifest
from edge_agent.verify import verify_package
from tests.simulated_room import UNDO_S, Died, SimulatedRoom
from tests.simulated_room import room as room
from tests.test_continue import answer, press, recorded, refusal, state

SMALL = {"manifest.json", "manifest-sha256.txt", "dublincore.xml"}


def packaged(room: SimulatedRoom) -> Lecture:
    lecture = recorded(room, 6, title="Heat")
    press(room, "stop")
    room.run(5)
    assert state(room, lecture) is State.PACKAGED
    return lecture


def sent(room: SimulatedRoom, lecture: Lecture) -> list[str]:
    """What arrives from now on, until nothing more does."""
    before = len(room.platform.arrivals)
    room.upload(40)
    room.run(2)
    return [name for who, name in room.platform.arrivals[before:] if who == lecture.id]


def document(room: SimulatedRoom, lecture: Lecture) -> Manifest:
    path = room.spool.package(lecture.id) / "manifest.json"
    return Manifest.model_validate_json(path.read_bytes())


def told(room: SimulatedRoom, lecture: Lecture) -> Lecture:
    """As its own file has it."""
    kept = lecture_file.read(room.spool.facts(lecture.id))
    assert kept is not None
    return kept.lecture


# ---------------------------------------------------------------- held back


@pytest.mark.parametrize("when", ["recording", "stopped", "held", "packaged"])
def test_what_people_hold_back_is_never_sent_until_they_let_it_go(
    room: SimulatedRoom, when: str
) -> None:
    lecture = recorded(room, 6)
    if when != "recording":
        press(room, "stop", undo=when == "held")
        room.run({"stopped": 0, "held": 2.5, "packaged": 5}[when])
    press(room, "withhold", lecture=lecture.id)
    if when == "recording":
        press(room, "stop")
    room.run(UNDO_S + 8)
    assert state(room, lecture) is State.HELD
    assert sent(room, lecture) == []
    press(room, "publish", lecture=lecture.id)
    assert "audio.m4a" in sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED


def test_the_lecture_under_way_needs_no_name_to_be_held_back(room: SimulatedRoom) -> None:
    lecture = recorded(room, 1)
    assert answer(room, "withhold") == {"lecture": lecture.id, "withheld": True}


def test_a_lecture_can_begin_as_one_that_stays_here(room: SimulatedRoom) -> None:
    lecture = recorded(room, 6, withheld=True)
    assert told(room, lecture).withheld
    press(room, "stop")
    room.run(8)
    assert state(room, lecture) is State.HELD
    assert sent(room, lecture) == []


def test_what_has_arrived_somewhere_cannot_be_held_back_any_more(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    room.upload(1)
    assert refusal(room, "withhold", lecture=lecture.id) == "too-late"
    sent(room, lecture)
    assert refusal(room, "withhold", lecture=lecture.id) == "too-late"
    assert state(room, lecture) is State.DELIVERED


@pytest.mark.parametrize("verb", ["withhold", "publish"])
def test_there_must_be_such_a_lecture(room: SimulatedRoom, verb: str) -> None:
    assert refusal(room, verb, lecture="none such") == "too-late"
    room.run(1)
    assert refusal(room, verb) == "not-recording"


def test_pressed_twice_it_is_so_and_told_once(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    for _ in range(2):
        press(room, "withhold", lecture=lecture.id)
    kinds = [each.kind for each in room.ledger.events(lecture.id)]
    assert kinds.count("withheld") == 1


def test_its_segments_go_as_soon_as_it_can_go_on_no_more(room: SimulatedRoom) -> None:
    lecture = recorded(room, 6)
    press(room, "withhold")
    press(room, "stop", undo=True)
    room.run(2.5)
    assert room.spool.tracks(lecture.id).exists()
    room.run(UNDO_S)
    assert not room.spool.tracks(lecture.id).exists()
    assert room.ledger.segments(lecture.id) == []


def test_it_stays_held_when_it_goes_on(room: SimulatedRoom) -> None:
    lecture = recorded(room, 6)
    press(room, "withhold")
    press(room, "stop", undo=True)
    press(room, "continue", lecture=lecture.id)
    room.run(1)
    press(room, "stop")
    room.run(8)
    assert state(room, lecture) is State.HELD


@pytest.mark.parametrize("off_s", [5, 80_000])
def test_a_reboot_sends_nothing_that_is_held_back(room: SimulatedRoom, off_s: float) -> None:
    lecture = recorded(room, 6)
    press(room, "withhold")
    room.cut_power(off_s, None)
    room.start()
    room.run(2)
    if room.ledger.active() is not None:
        press(room, "stop")
    room.run(8)
    assert sent(room, lecture) == []


def test_a_ledger_that_is_lost_sends_nothing_that_is_held_back(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    press(room, "withhold", lecture=lecture.id)
    assert told(room, lecture).withheld
    press(room, "publish", lecture=lecture.id)
    assert not told(room, lecture).withheld


def test_an_older_ledger_that_is_put_back_learns_what_people_have_said_since(
    room: SimulatedRoom,
) -> None:
    lecture = packaged(room)
    room.ledger.copy_to(room.spool.root / "copy")
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(3)
    press(room, "withhold", lecture=lecture.id)
    before = room.ledger.water()
    room.kill_supervisor()
    ledger_mark.write(room.spool.mark, before)
    older = Ledger.create(room.spool.root / "copy")
    try:
        recovery = Recovery(room.spool, older, timedelta(minutes=1))
        recovery.run(room.clock.now())
        found = older.existing(lecture.id)
        assert (found.title, found.withheld) == ("Heat 2", 1)
        assert found.state in (State.HELD, State.FINISHING)
        assert older.waiting() == []
    finally:
        older.close()


# ---------------------------------------------------------------- other words


@pytest.mark.parametrize("before", [State.HELD, State.PACKAGED, State.DELIVERED])
def test_other_words_are_a_new_revision_and_only_that_is_sent_again(
    room: SimulatedRoom, before: State
) -> None:
    lecture = packaged(room)
    if before is State.HELD:
        press(room, "withhold", lecture=lecture.id)
    elif before is State.DELIVERED:
        assert "presenter.mp4" in sent(room, lecture)
    assert state(room, lecture) is before
    old = document(room, lecture)
    press(room, "edit", lecture=lecture.id, title="Heat 2", lecturer="Dr Sok", licence="CC-BY-4.0")
    room.run(4)
    new = document(room, lecture)
    assert (new.name, new.creator, new.license) == ("Heat 2", "Dr Sok", "CC-BY-4.0")
    assert new.revision == old.revision + 1
    words = {"name", "creator", "license", "revision"}
    assert new.model_dump(exclude=words) == old.model_dump(exclude=words)
    assert verify_package(room.spool.package(lecture.id)) == []
    catalog = ElementTree.parse(room.spool.package(lecture.id) / "dublincore.xml").getroot()
    assert "Heat 2" in [each.text for each in catalog]
    if before is State.HELD:
        press(room, "publish", lecture=lecture.id)
    again = sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED
    assert set(again) >= SMALL
    assert before is not State.DELIVERED or set(again) == SMALL


def test_the_same_words_again_are_no_revision(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    press(room, "edit", lecture=lecture.id, title="Heat")
    room.run(4)
    assert document(room, lecture).revision == 1


def test_words_that_come_while_the_package_is_built_are_in_it_soon(room: SimulatedRoom) -> None:
    lecture = recorded(room, 6, title="Heat")
    press(room, "stop")
    room.run(1)
    assert room.finisher.alive
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(6)
    assert document(room, lecture).name == "Heat 2"


def test_words_that_come_when_a_finisher_has_died_behind_its_last_step_are_in_the_package(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room, 6, title="Heat")
    press(room, "stop")
    room.run(1)
    room.kill_supervisor(finisher_ends=True)
    assert room.spool.package(lecture.id).exists()
    room.post("edit", {"lecture": lecture.id, "title": "Heat 2"}, "edit")
    room.start()
    room.run(6)
    assert document(room, lecture).name == "Heat 2"


def test_two_edits_in_a_row_end_with_the_second(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(1)
    press(room, "edit", lecture=lecture.id, title="Heat 3")
    room.run(8)
    assert document(room, lecture).name == "Heat 3"
    assert room.ledger.edited() == []


@pytest.mark.parametrize("writes", range(1, 10))
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_while_words_change_leaves_one_revision_or_the_other(
    room: SimulatedRoom, writes: int, after: bool
) -> None:
    lecture = packaged(room)
    sent(room, lecture)
    room.die_soon(writes, after)
    room.post("edit", {"lecture": lecture.id, "title": "Heat 2"}, "edit")
    room.run(4)
    assert verify_package(room.spool.package(lecture.id)) == []
    if room.supervisor is None:
        room.start()
    room.die_soon(None)
    room.run(8)
    sent(room, lecture)
    assert document(room, lecture).name == "Heat 2"
    assert state(room, lecture) is State.DELIVERED
    assert len(set(room.platform.contents)) == len(room.platform.contents)


def test_a_manifest_that_arrives_as_it_changes_is_sent_again(room: SimulatedRoom) -> None:
    """The upload was killed when it had come and before its receipt was stored."""
    lecture = packaged(room)
    room.platform.trouble, room.platform.trouble_after = Died(), True
    room.upload(1)
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(4)
    assert "manifest.json" in sent(room, lecture)
    assert state(room, lecture) is State.DELIVERED


def test_without_a_package_to_change_it_is_said_and_nothing_waits(room: SimulatedRoom) -> None:
    lecture = packaged(room)
    room.spool.package(lecture.id).rename(room.spool.root / "aside")
    press(room, "edit", lecture=lecture.id, title="Heat 2")
    room.run(4)
    assert "not changed" in [each.kind for each in room.ledger.events(lecture.id)]
    assert room.ledger.edited() == []
