"""A lecture is called what its calendar calls it, also afterwards; people's words stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import lecture_file
from edge_agent.rows import Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.bookings import NAMED, Booking, Entry, Outcome, Situation, Words, new_words
from edge_agent.rules.lecture import State
from edge_agent.rules.schedule import decide
from edge_agent.schedule_store import Calendar, merged
from tests.fixed_clock import MORNING
from tests.test_schedule_room import KEY, BookedRoom

HOUR = timedelta(hours=1)
PHYSICS = Booking(KEY, MORNING, MORNING + HOUR, "Physics", "PHY 102", "Dr Sok", "km")
AS_BOOKED = {name: getattr(PHYSICS, name) for name in NAMED}


def entry(called: dict[str, str], said: dict[str, str] | None = None) -> Entry:
    """The lecture of PHYSICS, whose calendar says something else by now."""
    words = Words(AS_BOOKED | (said or {}), AS_BOOKED)
    begun = Entry(PHYSICS, outcome=Outcome.BEGUN, starts_then=MORNING, lecture="L1", words=words)
    return replace(begun, booking=replace(PHYSICS, **called))  # type: ignore[arg-type]


# ---------------------------------------------------------------- whose words


@pytest.mark.parametrize(
    ("called", "said", "new"),
    [
        ({}, {}, {}),
        ({"title": "Thermodynamics"}, {}, {"title": "Thermodynamics"}),
        ({"lecturer": "Dr Chan", "language": "en"}, {}, {"lecturer": "Dr Chan", "language": "en"}),
        # A person's word stays, and the others follow.
        ({"title": "Thermodynamics"}, {"title": "Heat"}, {}),
        ({"title": "Thermodynamics", "lecturer": "Dr Chan"}, {"title": "Heat"},
         {"lecturer": "Dr Chan"}),
        # A calendar that has lost a word takes nothing away.
        ({"title": "", "course": ""}, {}, {}),
    ],
)  # fmt: skip
def test_the_calendars_words_follow_and_peoples_stay(
    called: dict[str, str], said: dict[str, str], new: dict[str, str]
) -> None:
    assert new_words(entry(called, said)) == new


def test_of_a_lecture_that_began_before_anybody_noted_whose_words_it_has_nothing_changes() -> None:
    renamed = replace(entry({"title": "Thermodynamics"}), words=None)
    assert new_words(renamed) == {}


texts = st.dictionaries(st.sampled_from(NAMED), st.sampled_from(["", "Physics", "x", "y"]))


@given(texts, texts)
def test_what_was_taken_over_once_is_not_taken_over_again(
    called: dict[str, str], said: dict[str, str]
) -> None:
    before = entry(called, said)
    assert before.words is not None
    new = new_words(before)
    after = Words({**before.words.said, **new}, {**before.words.taken, **new})
    assert new_words(replace(before, words=after)) == {}
    assert all(before.words.said[name] == before.words.taken[name] for name in new)


def test_it_is_decided_after_all_that_begins_or_ends() -> None:
    renamed = entry({"title": "Thermodynamics"})
    late = Booking("campus:law|", MORNING + 2 * HOUR, MORNING + 3 * HOUR)
    now = MORNING + 2 * HOUR + timedelta(seconds=1)
    it = Situation(now, "synchronised", (Entry(late),), renamed=(renamed,))
    assert decide(it) == do.BeginBooked(late.key)
    assert decide(replace(it, near=())) == do.TakeWords("L1", KEY)


def test_what_is_over_keeps_its_time_and_takes_another_name() -> None:
    old = Calendar("campus", "file", (PHYSICS,))
    moved = replace(PHYSICS, starts=MORNING - HOUR, ends=MORNING, title="Heat", lecturer="")
    (kept,) = merged(old, Calendar("campus", "file", (moved,)), MORNING + 2 * HOUR).bookings
    assert (kept.starts, kept.ends, kept.title, kept.lecturer) == (
        PHYSICS.starts,
        PHYSICS.ends,
        "Heat",
        "Dr Sok",
    )


# ---------------------------------------------------------------- in a room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[BookedRoom]:
    room = BookedRoom(tmp_path)
    yield room
    room.close()


def lecture(room: BookedRoom) -> Lecture:
    (found,) = room.lectures()
    told = lecture_file.read(room.spool.facts(found.id))
    assert told is not None
    assert (told.lecture.title, told.lecture.booked_words) == (found.title, found.booked_words)
    return found


def test_a_title_that_changes_while_it_is_recorded_is_that_of_the_lecture(
    room: BookedRoom,
) -> None:
    room.book(room.booking(0, 10))
    room.run(20)
    room.book(room.booking(0, 10, title="Thermodynamics", lecturer="Dr Chan"))
    room.run(5)
    found = lecture(room)
    assert (found.title, found.lecturer, found.state) == (
        "Thermodynamics",
        "Dr Chan",
        State.RECORDING,
    )
    assert json.loads(found.booked_words)["title"] == "Thermodynamics"
    (event,) = room.events("words changed")
    assert "title 'Thermodynamics'" in event
    room.run(30)
    assert len(room.events("words changed")) == 1


def test_what_a_person_has_typed_stays_and_the_rest_follows(room: BookedRoom) -> None:
    room.book(room.booking(0, 10))
    room.run(20)
    room.post("edit", {"lecture": lecture(room).id, "title": "Heat"}, "edit")
    room.run(2)
    room.book(room.booking(0, 10, title="Thermodynamics", lecturer="Dr Chan"))
    room.run(5)
    assert (lecture(room).title, lecture(room).lecturer) == ("Heat", "Dr Chan")


def test_a_title_that_was_typed_at_the_start_stays_when_the_booking_takes_the_lecture_over(
    room: BookedRoom,
) -> None:
    room.post("start", {"title": "My own title"}, "start")
    room.run(3)
    room.book(room.booking(1, 10))
    room.run(5)
    assert lecture(room).booking == KEY
    room.book(room.booking(1, 10, title="Thermodynamics", lecturer="Dr Chan"))
    room.run(5)
    assert (lecture(room).title, lecture(room).lecturer) == ("My own title", "Dr Chan")


def test_a_lecture_that_has_ended_is_told_anew(room: BookedRoom) -> None:
    room.book(room.booking(0, 2))
    room.run(150)
    before = lecture(room)
    assert before.state is not State.RECORDING
    room.book(room.booking(0, 2, title="Thermodynamics"))
    room.run(10)
    after = lecture(room)
    assert (after.title, after.edits) == ("Thermodynamics", before.edits + 1)


def test_killed_at_any_write_the_words_are_taken_over_once(room: BookedRoom) -> None:
    room.book(room.booking(0, 10))
    room.run(20)
    room.book(room.booking(0, 10, title="Thermodynamics"))
    room.die_soon(1, True)
    room.run(5)
    if room.supervisor is None:
        room.start()
    room.run(20)
    assert lecture(room).title == "Thermodynamics"
    assert len(room.events("words changed")) == 1
