"""Laws of the mute's memory: nothing but a person's word shows a muted room again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_agent.ledger import Ledger
from edge_agent.rules.timeline import START_NS
from tests.simulated_room import SimulatedRoom
from tests.simulated_room import room as room


def press(room: SimulatedRoom, verb: str) -> dict[str, object]:
    number = room.post(verb, {}, f"{verb}-{room.clock.mono}")
    room.settle()
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer is not None
    return dict(command.answer)


def restart_with_ledger(room: SimulatedRoom, ledger: Path | None) -> None:
    """Another start of the agent, its ledger lost or replaced by this one."""
    room.kill_supervisor()
    room.ledger.close()
    for path in room.spool.root.glob("ledger.db*"):
        path.unlink()
    if ledger is not None:
        shutil.copy(ledger, room.spool.ledger)
    Ledger.create(room.spool.ledger).close()
    room.ledger = Ledger.write(room.spool.ledger)
    room.restart_uploader()
    room.start()
    room.run(1)


def muted(room: SimulatedRoom) -> set[bool]:
    """What ledger, supervisor and every recorder hold it to be."""
    alive = [each.muted for each in room.recorders.values() if each.alive]
    assert alive, "a room without recorders proves nothing"
    assert room.supervisor is not None
    return {*alive, room.ledger.muted(), room.supervisor._room.performer._privacy.muted}


def test_a_muted_room_stays_muted_when_its_ledger_is_lost(room: SimulatedRoom) -> None:
    press(room, "mute")
    restart_with_ledger(room, None)
    assert muted(room) == {True}


def test_an_unmuted_room_stays_so_when_its_ledger_is_lost(room: SimulatedRoom) -> None:
    press(room, "mute")
    assert press(room, "unmute") == {"muted": False}
    restart_with_ledger(room, None)
    assert muted(room) == {False}


def test_a_lecture_of_an_older_ledger_goes_on_muted_and_says_since_when(
    room: SimulatedRoom, tmp_path: Path
) -> None:
    lecture = str(press(room, "start")["lecture"])
    room.run(3)
    room.kill_supervisor()
    older = tmp_path / "older.db"
    room.ledger._db.execute("VACUUM INTO ?", (str(older),))
    room.start()
    press(room, "mute")
    room.run(2)
    restart_with_ledger(room, older)
    assert muted(room) == {True}
    [stretch] = room.ledger.mutes(lecture)
    assert stretch.start_ns > START_NS
    assert stretch.end_ns is None


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(1, 7))
def test_killed_in_the_middle_of_unmuting_it_is_unmuted_by_the_command_only(
    room: SimulatedRoom, writes: int, after: bool
) -> None:
    """Whatever the kill left: the unanswered command is run again, and then the answer is true."""
    press(room, "mute")
    number = room.post("unmute", {}, "show")
    room.die_soon(writes, after)
    room.settle()
    if room.supervisor is None:
        room.start()
    room.die_soon(None)
    room.run(1)
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer == {"muted": False}
    restart_with_ledger(room, None)
    assert muted(room) == {False}


def test_the_start_of_a_lecture_says_that_the_room_is_muted(room: SimulatedRoom) -> None:
    press(room, "mute")
    assert press(room, "start")["muted"] is True
    press(room, "stop")
    room.run(6)
    press(room, "unmute")
    assert press(room, "start")["muted"] is False
