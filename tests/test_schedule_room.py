"""Booked lectures in a whole room: the real supervisor, ledger and recovery in simulated time."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge_agent import lecture_file
from edge_agent.rows import Lecture
from edge_agent.rules.bookings import Booking, Outcome
from edge_agent.rules.lecture import State
from edge_agent.schedule_store import Calendar, ScheduleStore
from tests.simulated_room import UNSET, SimulatedRoom

MINUTE = timedelta(minutes=1)
KEY = "campus:physics|"


class BookedRoom(SimulatedRoom):
    """A room with a calendar that a test writes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.store = ScheduleStore(self.spool.schedule)
        self.noon: datetime = self.true_utc

    def book(self, *bookings: Booking) -> None:
        with self.store.changing():
            self.store.put(Calendar("campus", "file", bookings))

    def booking(self, starts: float, ends: float, name: str = "physics", **texts: str) -> Booking:
        """Minutes after the simulation's beginning."""
        begin, end = self.noon + starts * MINUTE, self.noon + ends * MINUTE
        given = {"title": name.title(), "lecturer": "Dr Sok", **texts}
        return Booking(f"campus:{name}|", begin, end, known=self.noon, **given)

    def lectures(self) -> list[Lecture]:
        return self.ledger.lectures()

    def outcome(self, key: str = KEY) -> str | None:
        row = self.ledger.booking_rows([key]).get(key)
        return row.outcome if row else None

    def events(self, kind: str) -> list[str]:
        return [event.text for event in self.ledger.last_events(500) if event.kind == kind]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[BookedRoom]:
    room = BookedRoom(tmp_path)
    yield room
    room.close()


def test_a_booked_lecture_begins_is_named_and_ends(room: BookedRoom) -> None:
    room.book(room.booking(1, 3, course="PHY 102", language="km"))
    room.run(30)
    assert room.lectures() == []
    room.run(32)
    (lecture,) = room.lectures()
    assert lecture.state is State.RECORDING
    assert (lecture.title, lecture.course, lecture.lecturer, lecture.language, lecture.booking) == (
        "Physics",
        "PHY 102",
        "Dr Sok",
        "km",
        KEY,
    )
    room.run(120)
    (lecture,) = room.lectures()
    assert lecture.state is not State.RECORDING
    length = datetime.fromisoformat(str(lecture.ended_utc)) - datetime.fromisoformat(
        lecture.started_utc
    )
    assert abs(length - 2 * MINUTE) < timedelta(seconds=3)
    assert room.outcome() == Outcome.BEGUN


def test_stopped_by_hand_it_does_not_begin_anew(room: BookedRoom) -> None:
    room.book(room.booking(0, 5))
    room.run(10)
    room.post("stop", {}, "stop")
    room.run(120)
    assert len(room.lectures()) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", range(1, 8))
def test_killed_at_any_write_it_begins_and_only_once(
    room: BookedRoom, write: int, after: bool
) -> None:
    """What was written to the disk without the ledger knowing it holds nothing, and ends so."""
    room.book(room.booking(0, 5))
    room.die_soon(write, after)
    room.run(5)
    if room.supervisor is None:
        room.start()
    room.run(20)
    begun = [it for it in room.lectures() if room.ledger.segments(it.id)]
    assert len(begun) == 1
    assert begun[0].state is State.RECORDING
    assert room.outcome() == Outcome.BEGUN


def test_after_a_power_cut_the_same_lecture_goes_on(room: BookedRoom) -> None:
    room.book(room.booking(0, 5))
    room.run(30)
    room.cut_power(60, None)
    room.start()
    room.run(20)
    (lecture,) = room.lectures()
    assert lecture.state is State.RECORDING


def test_switched_on_late_the_rest_is_recorded(room: BookedRoom) -> None:
    room.book(room.booking(1, 5))
    room.cut_power(120, None)
    room.start()
    room.run(10)
    (lecture,) = room.lectures()
    assert lecture.state is State.RECORDING
    assert "1 min late" in room.events("booking begun")[0]


def test_a_clock_of_1970_begins_nothing_and_says_so(room: BookedRoom) -> None:
    room.book(room.booking(0, 5))
    room.cut_power(1, UNSET)
    room.start()
    room.run(10)
    assert room.lectures() == []
    assert "clock" in room.events("timetable")[0]
    room.set_clock(None)
    room.run(5)
    assert len(room.lectures()) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_for_a_while_begins_nothing_twice(room: BookedRoom, hours: int) -> None:
    room.book(room.booking(1, 4))
    room.run(90)
    room.clock.utc += timedelta(hours=hours)
    room.run(20)
    room.clock.utc = room.true_utc
    room.run(150)
    assert len(room.lectures()) == 1


def test_missed_by_a_pc_that_was_off_it_says_so(room: BookedRoom) -> None:
    room.book(room.booking(1, 5))
    room.cut_power(600, None)
    room.start()
    room.run(3)
    assert room.lectures() == []
    assert room.outcome() == Outcome.MISSED
    (text,) = room.events("booking missed")
    assert "off" in text
    room.cut_power(5, None)
    room.start()
    room.run(3)
    assert len(room.events("booking missed")) == 1


def test_begun_by_hand_just_before_it_is_the_bookings(room: BookedRoom) -> None:
    room.book(room.booking(2, 4))
    room.post("start", {"title": "My own title"}, "start")
    room.run(10)
    (lecture,) = room.lectures()
    assert (lecture.title, lecture.lecturer, lecture.booking) == ("My own title", "Dr Sok", KEY)
    assert room.outcome() == Outcome.EARLY
    room.run(120)
    assert room.outcome() == Outcome.BEGUN
    room.run(120)
    (lecture,) = room.lectures()
    assert lecture.state is not State.RECORDING


def test_one_after_the_other_each_is_a_lecture_of_its_own(room: BookedRoom) -> None:
    room.book(room.booking(0, 2), room.booking(2, 4, "law"))
    room.run(180)
    titles = [(it.title, it.state is State.RECORDING) for it in room.lectures()]
    assert titles == [("Physics", False), ("Law", True)]


def test_the_calendar_moves_the_end_while_it_is_recorded(room: BookedRoom) -> None:
    physics = room.booking(0, 10)
    room.book(physics)
    room.run(30)
    room.book(replace(physics, ends=physics.ends + 10 * MINUTE))
    room.run(3)
    (lecture,) = room.lectures()
    assert lecture.until_utc == (physics.ends + 10 * MINUTE).isoformat(
        timespec="milliseconds"
    ).replace("+00:00", "Z")
    room.book()
    room.run(3)
    (lecture,) = room.lectures()
    assert lecture.state is State.RECORDING


def test_a_muted_room_records_its_booking_muted(room: BookedRoom) -> None:
    room.post("mute", {}, "mute")
    room.run(1)
    room.book(room.booking(0, 5))
    room.run(5)
    (lecture,) = room.lectures()
    assert len(room.ledger.mutes(lecture.id)) == 1


def test_without_devices_it_waits_and_says_why(room: BookedRoom) -> None:
    room.outside.plugged.clear()
    for recorder in room.recorders.values():
        recorder.die()
    room.run(5)
    room.book(room.booking(1, 3))
    room.run(70)
    assert room.lectures() == []
    assert room.outcome() == Outcome.HINDERED
    room.run(120)
    (text,) = room.events("booking missed")
    assert "not plugged in" in text


def test_a_damaged_copy_is_told_and_the_others_go_on(room: BookedRoom) -> None:
    room.book(room.booking(0, 5))
    (room.spool.schedule / "calendar-other.json").write_text("{")
    room.run(5)
    assert len(room.lectures()) == 1
    assert "damaged" in room.events("timetable")[0]


def test_a_new_ledger_knows_from_the_lectures_what_has_begun(room: BookedRoom) -> None:
    room.book(room.booking(0, 20))
    room.run(20)
    room.post("stop", {}, "stop")
    room.run(5)
    (lecture,) = room.lectures()
    with room.ledger.transaction():
        room.ledger._db.execute("DELETE FROM bookings")
    room.run(10)
    assert [it.id for it in room.lectures()] == [lecture.id]


def test_a_calendar_that_adds_time_after_the_end_has_the_rest_recorded(room: BookedRoom) -> None:
    physics = room.booking(0, 2)
    room.book(physics)
    room.run(130)
    room.book(replace(physics, ends=physics.ends + 20 * MINUTE))
    room.run(5)
    assert [it.state is State.RECORDING for it in room.lectures()] == [False, True]


def test_what_people_have_stopped_stays_stopped_whatever_the_calendar_adds(
    room: BookedRoom,
) -> None:
    physics = room.booking(0, 20)
    room.book(physics)
    room.run(10)
    room.post("stop", {}, "stop")
    room.run(5)
    room.book(replace(physics, ends=physics.ends + 20 * MINUTE))
    room.run(5)
    assert len(room.lectures()) == 1


def test_a_disk_that_refuses_is_the_reason_and_leaves_nothing_behind(
    room: BookedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.book(room.booking(0, 10))

    def refuse(path: Path, *_: object) -> None:
        path.parent.mkdir()
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(lecture_file, "write", refuse)
        room.run(5)
    assert room.outcome() == Outcome.HINDERED
    (text,) = room.events("booking hindered")
    assert "Input/output error" in text
    assert list(room.spool.lectures.iterdir()) == []
    room.run(5)
    assert room.outcome() == Outcome.BEGUN


def test_a_computer_that_has_slept_is_not_behind(room: BookedRoom) -> None:
    """Its monotonic clock stood still, which must not look like a clock that jumps."""
    room.set_clock(room.true_utc + timedelta(seconds=1))
    room.book(room.booking(30, 90))
    room.run(2)
    room.clock.asleep += 3600 * 1_000_000_000
    room.clock.utc += timedelta(hours=1)
    room.run(3)
    assert len(room.lectures()) == 1


def test_a_stop_that_was_taken_back_is_no_stop(room: BookedRoom) -> None:
    """The lecture then ends by itself, and what the calendar adds afterwards is recorded."""
    physics = room.booking(0, 2)
    room.book(physics)
    room.run(10)
    room.post("stop", {"undo": True}, "stop")
    room.run(1)
    room.post("continue", {"lecture": room.lectures()[0].id}, "continue")
    room.run(130)
    assert [it.state is State.RECORDING for it in room.lectures()] == [False]
    room.book(replace(physics, ends=physics.ends + 20 * MINUTE))
    room.run(5)
    assert [it.state is State.RECORDING for it in room.lectures()] == [False, True]


def test_what_a_clock_that_was_fast_has_ended_goes_on_when_the_network_has_set_it(
    room: BookedRoom,
) -> None:
    room.book(room.booking(0, 50))
    room.run(5)
    room.cut_power(5, room.true_utc + timedelta(hours=1))
    room.start()
    room.run(3)
    assert [it.state is State.RECORDING for it in room.lectures()] == [False]
    room.set_clock(None)
    room.run(3)
    assert [it.state is State.RECORDING for it in room.lectures()] == [False, True]
