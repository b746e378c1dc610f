"""A room's own week: late where more is allowed, on time where less is."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploader.limits import DAYS, Limit, Limits
from uploader.timetable import Timetable, lateness, merged, stricter, week

#: A Monday.
MONDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Phnom_Penh"))
TEN = timedelta(minutes=10)
NIGHT = Limits.parse("08:00,pause 18:00,off")
rates = st.sampled_from(["off", "pause", "64k", "256k", "1M"])
entries = st.builds(
    lambda day, hour, minute, rate: f"{day}{hour:02}:{minute:02},{rate}",
    st.sampled_from(["", *(f"{day}-" for day in DAYS)]),
    st.integers(0, 23),
    st.integers(0, 59),
    rates,
)
weeks = st.lists(entries, min_size=1, max_size=6).map(lambda e: Limits.parse(" ".join(e)))
moments = st.integers(0, 7 * 24 * 3600 - 1).map(lambda s: MONDAY + timedelta(seconds=s))
lates = st.integers(0, 3600).map(lambda s: timedelta(seconds=s))


def at(hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(hours=hour, minutes=minute)


def test_a_window_opens_late_and_closes_on_time() -> None:
    table = Timetable(NIGHT, TEN)
    assert table.at(at(18, 9)).pauses
    assert not table.at(at(18, 10)).pauses
    assert not table.at(at(7, 59)).pauses
    assert table.at(at(8)).pauses
    assert table.next_change(at(12)) == at(18, 10)
    assert table.next_change(at(18, 10)) == at(32)


@given(weeks, lates, moments)
def test_being_late_never_allows_more_than_what_is_written(
    limits: Limits, late: timedelta, moment: datetime
) -> None:
    written = limits.at(moment)
    assert stricter(Timetable(limits, late).at(moment), written) in (
        Timetable(limits, late).at(moment),
        written,
    )
    assert stricter(written, Timetable(limits, late).at(moment)).rate == (
        Timetable(limits, late).at(moment).rate
    )


@given(weeks, lates, moments)
def test_until_the_next_change_nothing_changes(
    limits: Limits, late: timedelta, moment: datetime
) -> None:
    table = Timetable(limits, late)
    change = table.next_change(moment)
    end = change or moment + timedelta(days=7)
    assert change is None or (change > moment and table.at(change) != table.at(moment))
    step = max(timedelta(minutes=1), (end - moment) / 200)
    probe = moment
    while probe < end:
        assert table.at(probe) == table.at(moment), probe
        probe += step


@given(st.text(max_size=20), weeks)
def test_a_room_is_always_late_by_the_same_and_never_misses_a_window(
    room: str, limits: Limits
) -> None:
    hour = timedelta(hours=1)
    late = lateness(room, hour, limits)
    assert late == lateness(room, hour, limits)
    assert timedelta(0) <= late <= hour
    table = Timetable(limits, late)
    for each in merged(limits):
        last = MONDAY + timedelta(minutes=each.end) - timedelta(seconds=1)
        assert table.at(last) == each.limit, "the end of each stretch is as written"


def test_many_rooms_spread_over_the_whole_time() -> None:
    found = [lateness(f"room {n}", TEN, NIGHT).total_seconds() for n in range(1000)]
    tenths = [sum(1 for late in found if n * 60 <= late < n * 60 + 60) for n in range(10)]
    assert min(tenths) > 60
    assert max(tenths) < 140


@pytest.mark.parametrize("text", ["off", "512k", "08:00,off", "pause"])
def test_what_always_holds_never_changes(text: str) -> None:
    table = Timetable(Limits.parse(text), TEN)
    assert table.next_change(at(12)) is None
    assert table.at(at(12)) == Limits.parse(text).at(at(12))


@given(weeks)
def test_the_week_that_people_read_is_the_week_that_holds(limits: Limits) -> None:
    rows = week(limits)
    assert sum(each.end - each.begin for each in rows) == 7 * 24 * 60
    for each in rows:
        midnight = MONDAY + timedelta(days=DAYS.index(each.day))
        for minute in (each.begin, each.end - 1):
            assert limits.at(midnight + timedelta(minutes=minute)) == each.limit


def test_the_week_has_no_seams_within_a_day() -> None:
    monday = [(e.begin, e.end, e.limit) for e in week(NIGHT) if e.day == "Mon"]
    assert monday == [(0, 480, Limit(None)), (480, 1080, Limit(0)), (1080, 1440, Limit(None))]
