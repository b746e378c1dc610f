"""Laws of the timetable: what was missed, what is shown, and what holds for every situation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.rules import actions as do
from edge_agent.rules.bookings import (
    Booking,
    Entry,
    Outcome,
    Running,
    Situation,
    current,
    settled,
    upcoming,
)
from edge_agent.rules.schedule import decide
from tests.booked_room import BEGIN, BEGUN, MINUTE, NEXT, NOON, PHYSICS, at, booking, room, then

# ---------------------------------------------------------------- what was missed


def missed(entry: Entry, **more: object) -> do.Action | None:
    return decide(room("12:00", past=(entry,), **more))


@pytest.mark.parametrize(
    ("up", "clock_set", "words"),
    [
        ("11:50", "11:50", "off"),
        ("09:00", "11:45", "clock"),
        ("09:00", "09:00", "heard of it"),
    ],
)
def test_each_miss_is_told_once_with_its_reason(up: str, clock_set: str, words: str) -> None:
    note = missed(Entry(PHYSICS), up_since=at(up), clock_since=at(clock_set))
    assert isinstance(note, do.NoteBooking)
    assert note.outcome is Outcome.MISSED
    assert words in note.reason
    told = then(Entry(PHYSICS), Outcome.MISSED, "")
    assert missed(told, up_since=at(up), clock_since=at(clock_set)) is None


def test_what_stood_in_the_way_is_the_reason() -> None:
    entry = replace(then(Entry(PHYSICS), Outcome.HINDERED, ""), reason="no camera")
    assert missed(entry) == do.NoteBooking(PHYSICS.key, Outcome.MISSED, "no camera", "")


@pytest.mark.parametrize(
    "entry",
    [
        BEGUN,
        then(Entry(PHYSICS), Outcome.COVERED),
        Entry(PHYSICS, skipped=True),
        # It was over when the room first heard of it.
        Entry(replace(PHYSICS, known=at("11:45"))),
    ],
)
def test_what_was_recorded_taken_out_or_history_is_not_missed(entry: Entry) -> None:
    assert missed(entry) is None


def test_what_was_missed_by_a_wrong_clock_begins_when_the_clock_is_right_again() -> None:
    assert decide(room("10:10", then(Entry(PHYSICS), Outcome.MISSED, ""))) == BEGIN


# ---------------------------------------------------------------- for those who show it


def test_the_booking_of_now_and_the_next_one() -> None:
    it = room("10:10", BEGUN, Entry(NEXT, skipped=True), booking("14:00", "15:00", "art"))
    present, following = current(it), upcoming(it)
    assert present is not None
    assert following is not None
    assert (present.booking, following.booking.title) == (PHYSICS, "Art")
    assert current(room("09:00", PHYSICS)) is None


def test_settled_is_the_same_for_every_moment() -> None:
    assert settled(BEGUN)
    assert settled(then(Entry(PHYSICS), Outcome.EARLY), running="L1")
    assert not settled(then(Entry(PHYSICS), Outcome.EARLY), running="L2")
    assert not settled(Entry(PHYSICS))


# ---------------------------------------------------------------- what holds for every situation

some_minutes = st.integers(-300, 300).map(lambda m: NOON + m * MINUTE)
names = st.sampled_from(["", "Dr Sok", "Dr Chan"])


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    starts = draw(some_minutes)
    it = Booking(
        f"campus:{draw(st.sampled_from('abcdef'))}|",
        starts,
        starts + draw(st.integers(1, 200)) * MINUTE,
        lecturer=draw(names),
        known=NOON - timedelta(days=1),
    )
    outcome = draw(st.none() | st.sampled_from(Outcome))
    return Entry(
        it,
        draw(st.booleans()),
        outcome,
        draw(st.sampled_from([starts, starts + 15 * MINUTE])) if outcome else None,
        draw(st.sampled_from(["", "no camera"])),
        draw(st.sampled_from(["", "L1", "L2"])),
        draw(st.none() | some_minutes),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    near = draw(st.lists(entries(), max_size=4, unique_by=lambda e: e.booking.key))
    near.sort(key=lambda e: e.booking.starts)
    running = None
    if draw(st.booleans()):
        mine = draw(st.sampled_from(near)) if near and draw(st.booleans()) else None
        running = Running(
            "L1",
            draw(some_minutes),
            draw(st.none() | some_minutes),
            draw(st.none() | some_minutes),
            mine.booking.key if mine else draw(st.sampled_from(["", "campus:gone|"])),
            draw(st.none() | some_minutes),
            draw(names),
            draw(st.booleans()),
        )
    return Situation(
        NOON,
        draw(st.sampled_from(["synchronised", "plausible", "unset"])),
        tuple(near),
        tuple(draw(st.lists(entries(), max_size=3, unique_by=lambda e: e.booking.key))),
        running,
        draw(st.sampled_from(["", "the disk is full"])),
        draw(st.booleans()),
        overrun=15 * MINUTE,
    )


@settings(max_examples=1500, deadline=None)
@given(it=situations())
def test_nothing_settled_skipped_or_out_of_its_time_begins(it: Situation) -> None:
    action = decide(it)
    assert it.clock_set or action is None
    assert decide(it) == action
    if isinstance(action, do.BeginBooked):
        (entry,) = (e for e in it.near if e.booking.key == action.booking)
        assert it.running is None
        assert not it.hindrance
        assert not entry.skipped
        assert not settled(entry)
        assert entry.booking.starts <= it.now < entry.booking.ends
    if isinstance(action, do.Stop):
        assert it.running is not None
        assert not it.hindrance
    if isinstance(action, do.MoveEnd) and "speaks" not in action.why:
        assert it.running is not None
        assert it.running.ends is not None
        assert action.until >= min(it.now + 5 * MINUTE, it.running.ends)
    if isinstance(action, do.Adopt):
        (entry,) = (e for e in it.near if e.booking.key == action.booking)
        assert not entry.skipped
        assert action.until >= it.now or action.until == it.running.until  # type: ignore[union-attr]
