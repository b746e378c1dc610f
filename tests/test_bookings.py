"""Laws of the timetable: how booked lectures go on, give way and end. Times of day for the reader.

The rules stand in people's words in docs/timetable.md, in the same order: how lectures begin is in
tests/test_bookings_begin.py, what people are told in tests/test_bookings_told.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from edge_agent.rules import actions as do
from edge_agent.rules.bookings import Booking, Entry, Outcome, Situation, latest_end
from edge_agent.rules.schedule import decide
from edge_agent.rules.steady import Steady, seen
from tests.booked_room import (
    BEGIN,
    BEGUN,
    MINUTE,
    NEXT,
    NOON,
    PHYSICS,
    at,
    booked,
    booking,
    by_hand,
    room,
    then,
)

# ---------------------------------------------------------------- while it is recorded


def test_while_it_is_recorded_nothing_needs_to_be_done() -> None:
    for clock in ("10:00", "10:30", "11:29:59"):
        assert decide(room(clock, BEGUN, NEXT, running=booked(PHYSICS))) is None


@pytest.mark.parametrize(
    ("until", "new", "moved_to"),
    [
        ("11:30", "12:00", "12:00"),
        ("11:30", "11:00", "11:00"),
        # People have moved it: the calendar can only move it later.
        ("11:40", "12:00", "12:00"),
        ("11:40", "11:00", "11:40"),
        # An end in the past, or at once, gives five minutes to notice a mistake.
        ("11:30", "10:20", "10:35"),
        ("11:30", "10:31", "10:35"),
    ],
)
def test_its_end_follows_the_calendar(until: str, new: str, moved_to: str) -> None:
    changed = replace(BEGUN, booking=booking("10:00", new))
    action = decide(room("10:30", changed, running=booked(PHYSICS, until)))
    assert isinstance(action, do.MoveEnd)
    assert (action.until, action.booked_until) == (at(moved_to), at(new))
    followed = replace(
        booked(PHYSICS, moved_to), until=action.until, booked_until=action.booked_until
    )
    assert decide(room("10:30", changed, running=followed)) is None


def test_moved_a_little_it_is_the_same_booking() -> None:
    later = replace(BEGUN, booking=booking("10:15", "11:45"))
    note = decide(room("10:05", later, running=booked(PHYSICS)))
    assert note == do.NoteBooking(PHYSICS.key, Outcome.EARLY, "", "L1")
    noted = then(Entry(later.booking), Outcome.EARLY)
    action = decide(room("10:05", noted, running=booked(PHYSICS)))
    assert isinstance(action, do.MoveEnd)
    assert action.until == at("11:45")


def test_cancelled_or_moved_away_it_goes_on_to_the_end_it_had() -> None:
    tomorrow = replace(PHYSICS, starts=at("10:00", 24), ends=at("11:30", 24))
    for near in ((), (replace(BEGUN, booking=tomorrow),)):
        assert decide(room("10:30", *near, running=booked(PHYSICS))) is None


def test_moved_to_another_day_it_is_recorded_then() -> None:
    tomorrow = Booking(PHYSICS.key, at("10:00", 24), at("11:30", 24))
    moved = replace(BEGUN, booking=tomorrow, ended=at("11:30"))
    assert decide(replace(room("10:00", moved), now=at("10:00", 24))) == BEGIN


def test_what_takes_the_place_of_a_cancelled_booking_begins() -> None:
    other = booking("10:30", "11:30", "chemistry", lecturer="Dr Sok")
    assert isinstance(decide(room("10:30", other, running=booked(PHYSICS))), do.Stop)


def test_a_series_that_moved_keeps_its_lecture() -> None:
    """A calendar names each lecture of a series by its first start; moved as a whole all change."""
    monday = replace(PHYSICS, key="campus:series|20261123T100000Z")
    moved = Booking("campus:series|20261123T101500Z", at("10:15"), at("11:45"))
    action = decide(room("10:05", moved, running=booked(monday)))
    assert action == do.Adopt("L1", moved.key, Outcome.EARLY, moved.ends)


# ---------------------------------------------------------------- overlaps


def test_a_booking_within_another_waits_and_records_the_rest() -> None:
    late = booking("11:00", "12:00", "law")
    waiting = decide(room("11:00", BEGUN, late, running=booked(PHYSICS)))
    assert isinstance(waiting, do.NoteBooking)
    assert waiting.outcome is Outcome.HINDERED
    noted = replace(then(Entry(late), Outcome.HINDERED), reason=waiting.reason)
    assert decide(room("11:10", BEGUN, noted, running=booked(PHYSICS))) is None
    assert decide(room("11:30", BEGUN, noted)) == do.BeginBooked(late.key)


def test_the_same_time_twice_is_recorded_once() -> None:
    twin = booking("10:00", "11:30", "copy")
    covered = decide(room("10:00", BEGUN, twin, running=booked(PHYSICS)))
    assert covered == do.NoteBooking(twin.key, Outcome.COVERED, "", "L1")
    known = then(Entry(twin), Outcome.COVERED)
    assert decide(room("10:20", replace(BEGUN, ended=at("10:20")), known)) is None


def test_what_lay_within_another_lecture_is_not_missed() -> None:
    inside = replace(then(Entry(booking("10:20", "10:50", "law")), Outcome.HINDERED), reason="x")
    it = room("10:51", BEGUN, running=booked(PHYSICS), past=(inside,))
    assert decide(it) == do.NoteBooking(inside.booking.key, Outcome.COVERED, "", "L1")


def test_a_lecture_that_people_made_go_on_gives_way_to_the_next_booking() -> None:
    """Its planned end had come, and they took that back: it has no end."""
    endless = replace(booked(PHYSICS), until=None, ends=at("19:00"))
    assert decide(room("11:29:59", BEGUN, NEXT, running=endless)) is None
    assert isinstance(decide(room("11:31", BEGUN, NEXT, running=endless)), do.Stop)


# ---------------------------------------------------------------- the end


def speaking(clock: str, *near: Entry | Booking, until: str = "", **more: object) -> Situation:
    return room(
        clock,
        *near,
        running=booked(PHYSICS, until),
        speaking=True,
        overrun=timedelta(minutes=12),
        **more,
    )


@pytest.mark.parametrize(
    ("clock", "until", "following", "end"),
    [
        ("11:29:50", "", (), None),
        ("11:29:58", "", (), "11:35"),
        ("11:34:58", "11:35", (), "11:40"),
        ("11:39:58", "11:40", (), "11:42"),
        ("11:41:58", "11:42", (), None),
        ("11:29:58", "", (booking("11:32", "13:00", "law"),), "11:32"),
        ("11:29:58", "", (NEXT,), None),
        ("11:29:58", "", (Entry(NEXT, skipped=True),), "11:35"),
    ],
)
def test_while_somebody_speaks_it_goes_on_up_to_the_next_booking(
    clock: str, until: str, following: tuple[Entry | Booking, ...], end: str | None
) -> None:
    action = decide(speaking(clock, BEGUN, *following, until=until))
    assert (isinstance(action, do.MoveEnd) and action.until) == (at(end) if end else False)


def test_in_silence_it_ends_at_its_end() -> None:
    assert decide(replace(speaking("11:29:58", BEGUN), speaking=False)) is None
    assert decide(replace(speaking("11:29:58", BEGUN), overrun=timedelta(0))) is None


@pytest.mark.parametrize(
    ("near", "limit"),
    [
        ((BEGUN,), None),
        ((BEGUN, NEXT), "11:30"),
        ((BEGUN, Entry(NEXT, skipped=True), booking("14:00", "15:00", "art")), "14:00"),
        ((BEGUN, booking("10:20", "12:00", "law")), "10:20"),
    ],
)
def test_people_can_extend_it_up_to_the_next_booking(
    near: tuple[Entry | Booking, ...], limit: str | None
) -> None:
    it = room("10:30", *near, running=booked(PHYSICS))
    assert latest_end(it) == (at(limit) if limit else None)


# ---------------------------------------------------------------- the clock


def test_a_clock_that_was_set_moves_the_end_of_a_booked_lecture() -> None:
    """It ran behind by an hour; the lecture would end an hour after the booking."""
    behind = replace(booked(PHYSICS, began="09:30"), ends=at("12:30"))
    action = decide(room("10:40", BEGUN, running=behind))
    assert action == do.MoveEnd("L1", at("11:30"), at("11:30"), "the clock has been set")
    assert decide(replace(room("10:40", BEGUN, running=behind), trust="plausible")) is None


def test_a_clock_that_jumps_forward_ends_nothing_at_once() -> None:
    jumped = replace(booked(PHYSICS), ends=at("12:30"))
    action = decide(room("11:40", BEGUN, running=jumped))
    assert isinstance(action, do.MoveEnd)
    assert action.until == at("11:45")


def test_a_clock_that_jumps_back_does_not_cut_the_lecture() -> None:
    back = replace(booked(PHYSICS, began="09:00"), ends=at("10:30"))
    action = decide(room("09:20", BEGUN, running=back))
    assert isinstance(action, do.MoveEnd)
    assert action.until == at("11:30")


def test_the_end_of_a_lecture_of_people_is_not_moved_by_a_clock() -> None:
    running = by_hand("08:00", ends=at("09:50"), until=at("08:50"))
    assert decide(room("08:20", PHYSICS, running=running)) is None


# ---------------------------------------------------------------- a clock that jumps


MINUTE_NS = 60 * 1_000_000_000


def looks(*readings: tuple[float, float, str]) -> list[float]:
    """The minutes to go by, after looks at (monotonic minutes, wall clock's minutes, trust)."""
    steady, found = Steady(), []
    for mono, wall, trust in readings:
        steady = seen(steady, round(mono * MINUTE_NS), NOON + wall * MINUTE, trust)
        shown = steady.at(round(mono * MINUTE_NS), NOON + wall * MINUTE)
        found.append((shown - NOON) / MINUTE)
    return found


P, S, U = "plausible", "synchronised", "unset"


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        # It drifts: each look is believed.
        ([(0, 0, P), (10, 10.1, P), (20, 20.3, P)], [0, 10.1, 20.3]),
        # It jumps by an hour and back: the monotonic clock says how late it is.
        ([(0, 0, P), (5, 65, P), (24, 84, P), (25, 25, P)], [0, 5, 24, 25]),
        # It stays where it has jumped to: after twenty minutes it is believed.
        ([(0, 0, P), (5, 65, P), (24, 84, P), (25, 85, P)], [0, 5, 24, 85]),
        # Each jump is waited for anew.
        ([(0, 0, P), (5, 65, P), (20, 140, P), (26, 146, P)], [0, 5, 20, 26]),
        # The network is believed at once, and a clock that was not set teaches nothing.
        ([(0, 0, P), (5, 65, S)], [0, 65]),
        ([(0, -9999, U), (5, 5, P)], [-9999, 5]),
    ],
)
def test_a_clock_that_jumps_is_believed_when_the_network_has_set_it_or_it_stays(
    readings: list[tuple[float, float, str]], expected: list[float]
) -> None:
    assert looks(*readings) == pytest.approx(expected)


def test_what_a_wrong_clock_or_an_older_calendar_has_ended_goes_on() -> None:
    ended = replace(BEGUN, ended=at("10:40"), cut_short=True)
    assert decide(room("10:41", ended)) == BEGIN
