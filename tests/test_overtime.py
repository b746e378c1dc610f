"""Laws of a planned end at which somebody still speaks, with and without a booking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import Now, rfc3339
from edge_agent.panel import state as show
from edge_agent.panel.picture import Memory, Wishes, picture
from edge_agent.panel.reading import Reading
from edge_agent.rows import Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.bookings import Booking, Entry, Running, Situation
from edge_agent.rules.lecture import State
from edge_agent.rules.panel import Heard
from edge_agent.rules.schedule import decide, goes_on_until
from tests.panel.served import track

SECOND = 1_000_000_000
BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)
END = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
OVERRUN = timedelta(minutes=15)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def room(now: datetime, until: datetime, *near: Booking, **more: Any) -> Situation:
    """A lecture that people began, with an end."""
    run = Running("L1", BEGAN, until, until, **more)
    entries = tuple(Entry(each) for each in near)
    return Situation(now, "synchronised", entries, running=run, speaking=True, overrun=OVERRUN)


def went_on(it: Situation) -> Situation:
    """Round after round, as long as somebody speaks, to just before the end that stands."""
    while it.running is not None and it.running.until is not None:
        run, until = it.running, it.running.until
        it = replace(it, now=until - timedelta(seconds=2))
        action = decide(it)
        if not isinstance(action, do.MoveEnd):
            return it
        end, meant = action.until, action.booked_until
        it = replace(it, running=replace(run, until=end, ends=end, booked_until=meant))
    return it


def test_it_goes_on_five_minutes_at_a_time_and_no_longer_than_allowed() -> None:
    first = decide(room(END - timedelta(seconds=2), END))
    assert first == do.MoveEnd("L1", END + minutes(5), END, "somebody still speaks")
    last = went_on(room(END, END)).running
    assert last is not None
    assert (last.until, last.booked_until) == (END + OVERRUN, END)


@pytest.mark.parametrize(
    "change", [{"speaking": False}, {"overrun": timedelta(0)}, {"trust": "unset"}]
)
def test_without_a_voice_or_leave_it_ends(change: dict[str, Any]) -> None:
    assert decide(replace(room(END - timedelta(seconds=2), END), **change)) is None


def test_a_paused_lecture_ends_at_its_end() -> None:
    assert decide(room(END - timedelta(seconds=2), END, paused=True)) is None


def test_it_makes_way_for_the_next_booking() -> None:
    following = Booking("campus:law|", END + minutes(7), END + minutes(90), lecturer="Dr Chan")
    it = went_on(room(END, END, following, lecturer="Dr Sok"))
    assert it.running is not None
    assert it.running.until == following.starts


def test_an_end_that_people_move_is_meant_anew() -> None:
    moved = room(END, END + minutes(40), booked_until=END)
    last = went_on(moved).running
    assert last is not None
    assert last.until == END + minutes(40) + OVERRUN


@given(
    st.integers(0, 60).map(minutes),
    st.none() | st.integers(-30, 120),
    st.none() | st.integers(-30, 60),
)
def test_whatever_is_planned_it_comes_to_an_end(
    overrun: timedelta, following: int | None, meant: int | None
) -> None:
    near = []
    if following is not None:
        starts = END + minutes(following)
        near = [Booking("campus:law|", starts, starts + minutes(90), lecturer="Dr Chan")]
    before = END + minutes(meant) if meant is not None else None
    it = replace(room(END, END, *near, booked_until=before, lecturer="Dr Sok"), overrun=overrun)
    last = went_on(it).running
    assert last is not None
    assert last.until is not None
    assert END <= last.until <= END + overrun
    if near and near[0].starts > END:
        assert last.until <= near[0].starts


# ---------------------------------------------------------------- what the panel says of it

EPOCH_NS = 10_000 * SECOND
UNTIL_NS = EPOCH_NS + 5400 * SECOND


def asked(left_s: float, *, spoke_s: float | None, goes_on: bool, over: bool) -> show.Ask | None:
    """So long before the end that stands, so long after the last word."""
    now_ns = UNTIL_NS - round(left_s * SECOND)
    now = Now(now_ns, END - timedelta(seconds=left_s), "boot", "synchronised")
    lecture = Lecture(
        "L1",
        State.RECORDING,
        rfc3339(BEGAN),
        "synchronised",
        "boot",
        EPOCH_NS,
        until_utc=rfc3339(END),
        until_ns=UNTIL_NS - EPOCH_NS,
        booked_until_utc=rfc3339(END - minutes(20)) if over else None,
    )
    status = {
        "mono_ns": now_ns,
        "tracks": {"microphone": track("audio", phase="recording")},
        "spool": {"free_bytes": 2**40, "trouble": ""},
        "muted": False,
        "finishing": None,
        "schedule": {"goes_on_until_utc": rfc3339(END + minutes(5)) if goes_on else None},
    }
    heard = Heard(None if spoke_s is None else now_ns - round(spoke_s * SECOND))
    memory = Memory(heard=heard)
    wishes = Wishes(show.Room(name="Room"), 0)
    return picture(memory, Reading(now, status, active=lecture), wishes)[1].ask


@pytest.mark.parametrize(
    ("left_s", "spoke_s", "goes_on", "over", "kind"),
    [
        (200, 5, True, False, "ending"),
        (50, 5, True, False, "ending"),  # no countdown while somebody speaks
        (50, 90, True, False, "stopping"),
        (50, None, True, False, "stopping"),
        (50, 5, False, False, "stopping"),
        (250, 5, True, True, "overtime"),
        (250, 90, True, True, "ending"),
        (50, 5, False, True, "stopping"),
        (900, 90, True, False, None),
    ],
)
def test_the_panel_says_what_will_happen(
    left_s: float, spoke_s: float | None, goes_on: bool, over: bool, kind: str | None
) -> None:
    found = asked(left_s, spoke_s=spoke_s, goes_on=goes_on, over=over)
    assert (found.kind if found else None) == kind
    if found is not None and found.kind == "stopping":
        assert found.quiet == (spoke_s != 5)


def test_what_the_agent_allows_is_what_the_rules_do() -> None:
    assert goes_on_until(room(END, END)) == END + OVERRUN
    assert goes_on_until(room(END, END + OVERRUN, booked_until=END)) is None
    assert goes_on_until(Situation(END, "synchronised")) is None
