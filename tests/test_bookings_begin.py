"""Laws of the timetable: when booked lectures begin, also when people were faster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.rules import actions as do
from edge_agent.rules.bookings import Entry, Outcome
from edge_agent.rules.schedule import decide
from tests.booked_room import BEGIN, BEGUN, NEXT, PHYSICS, at, booked, booking, by_hand, room, then

# ---------------------------------------------------------------- it begins


@pytest.mark.parametrize(
    ("clock", "begins"),
    [
        ("09:59:59", False),
        ("10:00:00", True),
        # The PC was switched on late: the rest is recorded,
        ("10:40:00", True),
        ("11:29:00", True),
        # unless there is hardly any.
        ("11:29:01", False),
        ("11:30:00", False),
    ],
)
def test_a_booking_begins_in_its_time_and_late_for_the_rest(clock: str, begins: bool) -> None:
    assert decide(room(clock, PHYSICS)) == (BEGIN if begins else None)


@pytest.mark.parametrize("outcome", [Outcome.BEGUN, Outcome.COVERED])
@pytest.mark.parametrize("ended", ["", "10:05", "09:10"])
def test_what_has_begun_never_begins_again(outcome: Outcome, ended: str) -> None:
    """Stopped by hand or by a crash; also where the clock jumped before it was stopped."""
    assert decide(room("10:10", then(Entry(PHYSICS), outcome, ended=ended))) is None


def test_people_take_a_booking_out() -> None:
    assert decide(room("10:10", Entry(PHYSICS, skipped=True))) is None


def test_on_a_clock_that_was_never_set_nothing_happens() -> None:
    past = Entry(booking("08:00", "09:00", "old"))
    unset = replace(room("10:10", PHYSICS), trust="unset", past=(past,))
    assert decide(unset) is None
    assert decide(replace(unset, running=by_hand("09:55"))) is None
    assert decide(replace(unset, trust="plausible")) == BEGIN


def test_of_two_at_once_the_longer_begins() -> None:
    short = booking("10:00", "10:45", "brief")
    assert decide(room("10:00", short, PHYSICS)) == BEGIN


def test_what_cannot_begin_says_why_once_and_begins_as_soon_as_it_can() -> None:
    hindered = replace(room("10:00", PHYSICS), hindrance="no camera")
    note = do.NoteBooking(PHYSICS.key, Outcome.HINDERED, "no camera", "")
    assert decide(hindered) == note
    known = replace(then(Entry(PHYSICS), Outcome.HINDERED, ""), reason="no camera")
    assert decide(replace(hindered, near=(known,))) is None
    assert decide(room("10:10", known)) == BEGIN


def test_a_booking_that_was_put_off_after_its_stop_begins_again() -> None:
    """Begun at ten, stopped at a quarter past, then moved in the calendar to eleven."""
    moved = replace(BEGUN, ended=at("10:15"), booking=booking("11:00", "12:30"))
    assert decide(room("10:20", moved)) is None
    assert decide(room("11:00", moved)) == BEGIN
    sooner = replace(moved, booking=booking("10:05", "11:35"))
    assert decide(room("10:20", sooner)) is None


# ---------------------------------------------------------------- people begin it


@pytest.mark.parametrize(
    ("began", "clock", "outcome"),
    [
        ("09:45", "09:46", Outcome.EARLY),
        ("09:58", "09:58", Outcome.EARLY),
        ("09:58", "10:00", Outcome.BEGUN),
        ("10:05", "10:05", Outcome.BEGUN),
        # Long before: only when its time has come.
        ("08:30", "10:00", Outcome.BEGUN),
    ],
)
def test_a_lecture_begun_by_hand_becomes_the_bookings(
    began: str, clock: str, outcome: Outcome
) -> None:
    it = room(clock, PHYSICS, running=by_hand(began))
    assert decide(it) == do.Adopt("L1", PHYSICS.key, outcome, PHYSICS.ends)


def test_long_before_a_booking_a_lecture_is_nobodys() -> None:
    assert decide(room("09:50", PHYSICS, running=by_hand("09:44"))) is None


def test_stopped_before_its_time_it_was_a_trial_and_the_booking_begins() -> None:
    tried = then(Entry(PHYSICS), Outcome.EARLY, ended="09:57")
    assert decide(room("09:59", tried)) is None
    assert decide(room("10:00", tried)) == BEGIN


def test_begun_early_it_counts_from_the_bookings_time_on() -> None:
    early = then(Entry(PHYSICS), Outcome.EARLY)
    running = booked(PHYSICS, began="09:52")
    assert decide(room("09:59", early, running=running)) is None
    counted = do.NoteBooking(PHYSICS.key, Outcome.BEGUN, "", "L1")
    assert decide(room("10:00", early, running=running)) == counted


@pytest.mark.parametrize(
    ("began", "until", "expected"),
    [
        ("09:00", "10:30", "11:30"),  # what was meant for before gives way to the later end
        ("09:50", "10:30", "11:30"),
        ("09:50", "12:00", "12:00"),
        ("10:10", "10:30", "10:30"),  # within the booking people know what they want
    ],
)
def test_an_end_that_people_set(began: str, until: str, expected: str) -> None:
    running = by_hand(began, ends=at(until), until=at(until))
    action = decide(room("10:10", PHYSICS, running=running))
    assert isinstance(action, do.Adopt)
    assert action.until == at(expected)


def test_another_lecturers_lecture_ends_when_the_booking_begins() -> None:
    running = by_hand("09:50", lecturer="Dr Chan")
    assert decide(room("09:59", PHYSICS, running=running)) is None
    action = decide(room("10:00", PHYSICS, running=running))
    assert isinstance(action, do.Stop)
    assert "Physics" in action.why
    same = by_hand("09:50", lecturer=" dr sok ")
    assert isinstance(decide(room("09:59", PHYSICS, running=same)), do.Adopt)


def test_nothing_gives_way_to_a_booking_that_cannot_begin() -> None:
    running = by_hand("09:00", lecturer="Dr Chan")
    full = room("10:00", PHYSICS, running=running, hindrance="the disk is full")
    assert decide(full) == do.NoteBooking(PHYSICS.key, Outcome.HINDERED, "the disk is full", "L1")


def test_a_lecture_left_in_its_pause_gives_way() -> None:
    forgotten = by_hand("08:30", paused=True)
    assert isinstance(decide(room("10:00", PHYSICS, running=forgotten)), do.Stop)
    private = by_hand("09:55", paused=True)
    assert isinstance(decide(room("10:00", PHYSICS, running=private)), do.Adopt)


def test_begun_anew_by_hand_after_a_stop_it_has_the_bookings_name_and_end() -> None:
    stopped = replace(BEGUN, lecture="L0", ended=at("10:20"))
    again = room("10:30", stopped, running=by_hand("10:30"))
    assert decide(again) == do.Adopt("L1", PHYSICS.key, Outcome.BEGUN, PHYSICS.ends)


def test_begun_just_before_the_next_booking_it_is_the_next_ones() -> None:
    over = replace(BEGUN, lecture="L0", ended=at("11:20"))
    action = decide(room("11:25", over, NEXT, running=by_hand("11:25")))
    assert action == do.Adopt("L1", NEXT.key, Outcome.EARLY, NEXT.ends)
