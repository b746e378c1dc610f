"""Laws of a stop that is taken back, of a later end, and of details that change."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge_agent import lecture_file
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.rules.manifest import Manifest
from edge_agent.unpackaging import make_way
from edge_agent.verify import verify_package
from tests.simulated_room import UNDO_S, SimulatedRoom
from tests.simulated_room import room as room


def answer(room: SimulatedRoom, verb: str, **args: Any) -> dict[str, Any]:
    number = room.post(verb, args, f"{verb}-{room.clock.mono}")
    room.settle()
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer is not None
    return dict(command.answer)


def press(room: SimulatedRoom, verb: str, **args: Any) -> Lecture:
    told = answer(room, verb, **args)
    assert "error" not in told, told
    return room.ledger.existing(str(told["lecture"]))


def refusal(room: SimulatedRoom, verb: str, **args: Any) -> str:
    return str(answer(room, verb, **args)["error"]["code"])


def recorded(room: SimulatedRoom, seconds: float = 10, **args: Any) -> Lecture:
    lecture = press(room, "start", **args)
    room.run(seconds)
    return lecture


def state(room: SimulatedRoom, lecture: Lecture) -> State:
    return room.ledger.existing(lecture.id).state


def manifest(room: SimulatedRoom, lecture: Lecture) -> Manifest:
    room.run(UNDO_S + 8)
    path = room.spool.package(lecture.id) / "manifest.json"
    return Manifest.model_validate_json(path.read_bytes())


# ---------------------------------------------------------------- continue


def test_a_stop_that_may_be_taken_back_is_packaged_at_once_and_sent_after_that_time(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(UNDO_S - 0.5)
    assert state(room, lecture) is State.HELD
    assert room.spool.package(lecture.id).exists()
    room.upload(20)
    assert room.platform.arrivals == []
    room.run(1)
    assert state(room, lecture) is State.PACKAGED
    room.upload(20)
    assert room.platform.arrivals


def test_any_other_stop_is_packaged_at_once(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop")
    room.run(UNDO_S - 0.5)
    assert state(room, lecture) is not State.FINISHING


#: While its package is built, and when it is there.
@pytest.mark.parametrize("meanwhile_s", [1, 2.5])
def test_a_lecture_that_goes_on_has_both_parts_and_a_gap_between(
    room: SimulatedRoom, meanwhile_s: float
) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(meanwhile_s)
    assert state(room, lecture) is (State.HELD if meanwhile_s == 2.5 else State.FINISHING)
    press(room, "continue", lecture=lecture.id)
    assert state(room, lecture) is State.RECORDING
    assert not room.spool.package(lecture.id).exists()
    assert room.ledger.outbox(lecture.id) == []
    room.run(10)
    press(room, "stop")
    document = manifest(room, lecture)
    assert document.duration_seconds == pytest.approx(20, abs=1.5)
    gaps = {gap.track: gap for gap in document.gaps if gap.cause == "stopped"}
    assert gaps.keys() == {"camera", "microphone"}
    assert all(gap.collapsed for gap in gaps.values())
    assert gaps["camera"].duration == pytest.approx(meanwhile_s, abs=1.1)


@pytest.mark.parametrize("writes", range(1, 9))
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_while_it_is_told_to_go_on_loses_nothing(
    room: SimulatedRoom, writes: int, after: bool
) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(2.5)
    room.post("continue", {"lecture": lecture.id}, "go on")
    room.die_soon(writes, after)
    room.settle()
    if room.supervisor is None:
        room.start()
    room.die_soon(None)
    room.run(10)
    if room.ledger.active() is not None:
        press(room, "stop")
    document = manifest(room, lecture)
    packets = {tuple(file.tracks): file.packets for file in document.encoding}
    written = {track: n for (_, track), n in room.outside.written.items()}
    assert packets["microphone",] == written["microphone"]
    assert packets["camera", "microphone"] == sum(written.values())


def test_a_power_cut_between_package_and_ledger_builds_another_package(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(2.5)
    make_way(room.spool.lecture(lecture.id))
    room.cut_power(20, None)
    room.start()
    assert manifest(room, lecture).duration_seconds == pytest.approx(10, abs=1.5)
    assert state(room, lecture) is State.PACKAGED
    assert [each.kind for each in room.ledger.events(lecture.id)].count("packaged again") == 1


def test_while_an_orphaned_finisher_is_at_work_a_lecture_waits_to_go_on(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(2.5)
    folder = os.open(room.spool.lecture(lecture.id), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    number = room.post("continue", {"lecture": lecture.id}, "go on")
    room.settle()
    assert state(room, lecture) is State.HELD
    os.close(folder)
    room.clock.pass_time(0.4)
    room.settle()
    room.run(1)
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer is not None


def test_a_finisher_that_is_given_up_has_not_failed(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    for _ in range(7):
        press(room, "stop", undo=True)
        room.run(1)
        press(room, "continue", lecture=lecture.id)
        room.run(2)
    assert "finisher died" not in [each.kind for each in room.ledger.events(lecture.id)]
    press(room, "stop")
    room.run(8)
    assert state(room, lecture) is State.PACKAGED


def test_a_lecture_that_was_stopped_in_a_pause_goes_on_recording(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "pause")
    room.run(2)
    press(room, "stop", undo=True)
    press(room, "continue", lecture=lecture.id)
    room.run(10)
    assert [gap.cause for gap in room.ledger.gaps(lecture.id) if gap.track is None] == ["paused"]
    press(room, "stop")
    assert manifest(room, lecture).duration_seconds == pytest.approx(20, abs=1.5)


def test_a_planned_end_can_be_taken_back_and_is_none_any_more(room: SimulatedRoom) -> None:
    until = room.clock.utc + timedelta(seconds=5)
    lecture = recorded(room, 6, until_utc=until.isoformat())
    assert room.ledger.active() is None
    press(room, "continue", lecture=lecture.id)
    room.run(20)
    found = room.ledger.existing(lecture.id)
    assert (found.state, found.until_utc) == (State.RECORDING, None)


def test_after_the_package_is_begun_it_is_too_late(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop")
    room.run(0.5)
    assert refusal(room, "continue", lecture=lecture.id) == "too-late"


def test_what_is_in_its_package_alone_does_not_make_way(room: SimulatedRoom) -> None:
    """An older ledger that was put back has it as it was before its segments went."""
    lecture = recorded(room)
    press(room, "stop")
    room.run(8)
    assert not room.spool.tracks(lecture.id).exists()
    room.ledger.set_state(lecture.id, State.FINISHING)
    assert refusal(room, "continue", lecture=lecture.id) == "too-late"
    assert verify_package(room.spool.package(lecture.id)) == []


def test_after_a_reboot_nothing_waits_and_it_is_too_late(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.cut_power(20, None)
    room.start()
    assert refusal(room, "continue", lecture=lecture.id) == "too-late"
    room.run(5)
    assert state(room, lecture) is State.PACKAGED


def test_a_restarted_agent_still_waits_and_still_goes_on(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.kill_supervisor()
    room.start()
    room.run(1)
    press(room, "continue", lecture=lecture.id)
    assert state(room, lecture) is State.RECORDING


def test_nothing_goes_on_beside_another_lecture(room: SimulatedRoom) -> None:
    first = recorded(room)
    press(room, "stop", undo=True)
    recorded(room, 1)
    assert refusal(room, "continue", lecture=first.id) == "already-recording"


@pytest.mark.parametrize("lecture", ["", "no such lecture"])
def test_what_was_not_stopped_cannot_go_on(room: SimulatedRoom, lecture: str) -> None:
    assert refusal(room, "continue", lecture=lecture) == "too-late"


def test_a_room_unmuted_after_the_stop_is_not_muted_in_what_follows(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    answer(room, "mute")
    press(room, "stop", undo=True)
    answer(room, "unmute")
    press(room, "continue", lecture=lecture.id)
    [mute] = room.ledger.mutes(lecture.id)
    assert mute.end_ns is not None


def test_a_room_muted_after_the_stop_is_muted_in_what_follows(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    room.run(1)
    answer(room, "mute")
    went_on = press(room, "continue", lecture=lecture.id)
    [mute] = room.ledger.mutes(lecture.id)
    assert mute.end_ns is None
    assert mute.start_ns == went_on.lecture_ns(room.clock.mono)


# ---------------------------------------------------------------- extend


def test_the_planned_end_moves_with_both_its_clocks(room: SimulatedRoom) -> None:
    until = room.clock.utc + timedelta(seconds=20)
    lecture = recorded(room, 5, until_utc=until.isoformat())
    told = answer(room, "extend", minutes=10)
    assert datetime.fromisoformat(told["until_utc"]) - until == timedelta(minutes=10)
    room.run(30)
    assert state(room, lecture) is State.RECORDING
    room.run(600)
    assert state(room, lecture) is not State.RECORDING


def test_a_lecture_without_a_planned_end_needs_no_later_one(room: SimulatedRoom) -> None:
    recorded(room, 1)
    assert refusal(room, "extend", minutes=10) == "no-end"


@pytest.mark.parametrize("minutes", [0, -5, 241, "ten", None, 1.5, 10**30])
def test_a_wrong_number_of_minutes_is_refused(room: SimulatedRoom, minutes: object) -> None:
    until = room.clock.utc + timedelta(seconds=20)
    recorded(room, 1, until_utc=until.isoformat())
    assert refusal(room, "extend", minutes=minutes) == "bad-request"


def test_no_lecture_lasts_longer_from_now_than_any_may(room: SimulatedRoom) -> None:
    longest = timedelta(hours=room.config.recording.max_hours)
    until = room.clock.utc + longest
    lecture = recorded(room, 1, until_utc=until.isoformat())
    for _ in range(4):
        press(room, "extend", minutes=240)
    found = room.ledger.existing(lecture.id)
    assert found.until_ns is not None
    left_s = (found.until_ns - found.lecture_ns(room.clock.mono)) / 1e9
    assert left_s == pytest.approx(longest.total_seconds(), abs=2)


# ---------------------------------------------------------------- edit


def test_details_change_while_it_is_recorded_and_stand_in_the_package(room: SimulatedRoom) -> None:
    lecture = recorded(room, title="Thermo", lecturer="Dr Sok")
    press(room, "edit", title="Thermodynamics 2", course="PHY 204")
    press(room, "stop")
    document = manifest(room, lecture)
    assert document.name == "Thermodynamics 2"
    found = room.ledger.existing(lecture.id)
    assert (found.course, found.lecturer) == ("PHY 204", "Dr Sok")


def test_details_change_after_the_stop_and_stand_in_the_package(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "stop", undo=True)
    press(room, "edit", lecture=lecture.id, title="ទែម៉ូឌីណាមិច")
    assert manifest(room, lecture).name == "ទែម៉ូឌីណាមិច"


def test_changed_details_survive_a_lost_ledger(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    press(room, "edit", title="Thermodynamics 2")
    kept = lecture_file.read(room.spool.facts(lecture.id))
    assert kept is not None
    assert kept[0].title == "Thermodynamics 2"


def test_an_edit_of_nothing_is_refused_when_nothing_is_recorded(room: SimulatedRoom) -> None:
    assert refusal(room, "edit", title="Whose") == "not-recording"
