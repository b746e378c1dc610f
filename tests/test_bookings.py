"""Laws of the timetable: when booked lectures begin, end and give way. Times of day for the reader.

The rules stand in people's words in docs/timetable.md, in the same order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
    latest_end,
    settled,
    upcoming,
)
from edge_agent.rules.schedule import decide
from edge_agent.rules.steady import Steady, seen

MINUTE = timedelta(minutes=1)


def at(clock: str, day: int = 23) -> datetime:
    """A time of day; with seconds where they matter."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}+00:00").astimezone(UTC)


def booking(starts: str, ends: str, name: str = "physics", **more: str) -> Booking:
    texts = {"title": name.title(), **more}
    return Booking(f"campus:{name}|", at(starts), at(ends), known=at("00:00", 1), **texts)


PHYSICS = booking("10:00", "11:30", lecturer="Dr Sok")
NEXT = booking("11:30", "13:00", "law", lecturer="Dr Chan")


def then(entry: Entry, outcome: Outcome, lecture: str = "L1", ended: str = "") -> Entry:
    """What became of a booking as it stands in the timetable now."""
    return replace(
        entry,
        outcome=outcome,
        starts_then=entry.booking.starts,
        lecture=lecture,
        ended=at(ended) if ended else None,
    )


def room(clock: str, *near: Booking | Entry, **more: object) -> Situation:
    entries = tuple(each if isinstance(each, Entry) else Entry(each) for each in near)
    return Situation(at(clock), "synchronised", entries, **more)  # type: ignore[arg-type]


def by_hand(began: str, **more: object) -> Running:
    """A lecture that people have begun."""
    return Running("L1", at(began), **more)  # type: ignore[arg-type]


def booked(it: Booking, until: str = "", began: str = "", **more: object) -> Running:
    """The lecture of a booking, which ends when its clock has come to `until`."""
    end = at(until) if until else it.ends
    began_at = at(began) if began else it.starts
    return Running("L1", began_at, end, end, it.key, it.ends, it.lecturer, **more)  # type: ignore[arg-type]


BEGUN = then(Entry(PHYSICS), Outcome.BEGUN)
BEGIN = do.BeginBooked(PHYSICS.key)


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

NOON = at("12:00")
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
