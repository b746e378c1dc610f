"""Laws of clocks that are wrong: durations and order are right, and what was trusted is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent import lecture_file
from edge_agent.clock import clock_trust
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.rules.manifest import Manifest
from tests.simulated_room import UNSET, SimulatedRoom
from tests.simulated_room import room as room

HOUR = timedelta(hours=1)


def press(room: SimulatedRoom, verb: str, **args: str) -> Lecture:
    number = room.post(verb, args, f"{verb}-{room.clock.mono}")
    room.settle()
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer is not None
    assert "error" not in command.answer, command.answer
    return room.ledger.existing(str(command.answer["lecture"]))


def manifest(room: SimulatedRoom, lecture: Lecture) -> Manifest:
    room.run(6)
    assert room.ledger.existing(lecture.id).state is State.PACKAGED
    path = room.spool.package(lecture.id) / "manifest.json"
    return Manifest.model_validate_json(path.read_bytes())


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_clock_that_is_stepped_while_recording_changes_no_duration(
    room: SimulatedRoom, step: timedelta
) -> None:
    lecture = press(room, "start")
    room.run(10)
    room.set_clock(room.clock.utc + step)
    room.run(10)
    press(room, "stop")
    document = manifest(room, lecture)
    assert document.duration_seconds == pytest.approx(20, abs=1.1)
    assert all(gap.duration < 1 for gap in document.gaps), "but the second in flight"
    assert (document.clock_trust, document.end_clock_trust) == ("synchronised", "plausible")


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_planned_end_comes_once_and_at_its_time_though_the_clock_is_stepped(
    room: SimulatedRoom, step: timedelta
) -> None:
    until = room.clock.utc + timedelta(seconds=20)
    lecture = press(room, "start", until_utc=until.isoformat())
    room.run(5)
    room.set_clock(room.clock.utc + step)
    room.run(14)
    assert room.ledger.existing(lecture.id).state is State.RECORDING
    room.run(2)
    ended = room.ledger.existing(lecture.id)
    assert ended.state is State.FINISHING
    room.set_clock(room.clock.utc - step)
    room.run(30)
    assert [e.kind for e in room.ledger.events(lecture.id)].count("ended") == 1
    assert len(room.ledger.lectures()) == 1


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_restarted_agent_goes_on_though_the_clock_was_stepped_meanwhile(
    room: SimulatedRoom, step: timedelta
) -> None:
    lecture = press(room, "start")
    room.run(10)
    room.kill_supervisor()
    room.set_clock(room.clock.utc + step)
    room.run(5)
    room.start()
    room.run(5)
    assert room.ledger.existing(lecture.id).state is State.RECORDING
    press(room, "stop")
    assert manifest(room, lecture).duration_seconds == pytest.approx(20, abs=7)


def test_a_start_stamped_in_1970_is_mended_when_the_clock_is_set(room: SimulatedRoom) -> None:
    truth = room.true_utc
    room.set_clock(UNSET)
    lecture = press(room, "start")
    assert (lecture.clock_trust, lecture.started_utc[:4]) == ("unset", "1970")
    room.run(10)
    room.set_clock(None)
    room.run(10)
    press(room, "stop")
    document = manifest(room, lecture)
    assert abs(datetime.fromisoformat(document.start_time) - truth) < timedelta(seconds=1)
    assert document.start_time_corrected is True
    kept = lecture_file.read(room.spool.facts(lecture.id))
    assert kept is not None
    assert kept[0].start_corrected
    assert kept[0].started_utc == room.ledger.existing(lecture.id).started_utc
    assert (document.clock_trust, document.end_clock_trust) == ("unset", "synchronised")
    assert document.duration_seconds == pytest.approx(20, abs=1.1)


@pytest.mark.parametrize(
    ("says", "trust"), [(-HOUR, "unset"), (timedelta(0), "plausible"), (HOUR, "plausible")]
)
def test_a_clock_before_the_programs_own_installation_was_never_set(
    says: timedelta, trust: str
) -> None:
    installed = datetime(2026, 11, 22, tzinfo=UTC)
    assert clock_trust(installed + says, kernel_synchronised=False, installed=installed) == trust
    synchronised = clock_trust(installed + says, kernel_synchronised=True, installed=installed)
    assert synchronised == "synchronised", "the network knows better"


def test_a_clock_that_is_never_set_is_said_and_nothing_is_mended(room: SimulatedRoom) -> None:
    room.set_clock(UNSET)
    lecture = press(room, "start")
    room.run(10)
    press(room, "stop")
    document = manifest(room, lecture)
    assert (document.clock_trust, document.end_clock_trust) == ("unset", "unset")
    assert document.start_time_corrected is None
    assert document.start_time.startswith("1970")


def test_a_start_of_an_earlier_boot_is_not_mended_by_this_boots_clock(
    room: SimulatedRoom,
) -> None:
    room.set_clock(UNSET)
    lecture = press(room, "start")
    room.run(10)
    room.cut_power(5, datetime(1970, 1, 1, 0, 3, 30, tzinfo=UTC))
    room.start()
    room.run(3)
    room.set_clock(None)
    room.run(3)
    assert not room.ledger.existing(lecture.id).start_corrected


def test_lectures_keep_the_order_of_their_starts_whatever_the_clock_said(
    room: SimulatedRoom,
) -> None:
    begun = []
    for utc in (None, UNSET, room.clock.utc - HOUR):
        room.set_clock(utc)
        begun.append(press(room, "start").id)
        room.run(3)
        press(room, "stop")
    assert [each.id for each in room.ledger.lectures()] == begun
    room.run(10)
    sent = [row.lecture for row in room.ledger.waiting() if row.name == "manifest.json"]
    assert sent == begun[::-1], "the newest is sent first, whatever its id says"
