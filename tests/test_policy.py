"""Whether, how fast and why: each rule alone, and which one goes before which."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploader.limits import UNLIMITED, Limit, Limits
from uploader.policy import (
    FULL_QUALITY_SHARE,
    PAUSE,
    Kind,
    Order,
    Passing,
    Policy,
    Situation,
    Why,
    decide,
    moment,
    next_day,
    next_month,
    words,
)
from uploader.timetable import Timetable

#: A Monday noon.
NOON = datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("Asia/Phnom_Penh"))
HOUR = timedelta(hours=1)
FIRST, FULL = Kind(first=True), Kind(first=False)
KINDS = [Kind(f, n, a) for f in (True, False) for n in (True, False) for a in (True, False)]


def policy(limit: str = "off", **more: object) -> Policy:
    return replace(Policy(Timetable(Limits.parse(limit))), **more)  # type: ignore[arg-type]


FREE = Situation(NOON)
passings = st.sampled_from(["send", "first-stages", "wait"])
orders = st.none() | st.builds(
    Order,
    st.sampled_from([PAUSE, UNLIMITED, Limit(1000)]),
    st.none() | st.integers(-5, 5).map(lambda hours: NOON + hours * HOUR),
)
policies = st.builds(
    Policy,
    st.sampled_from(["off", "pause", "64k", "08:00,pause 18:00,off"]).map(
        lambda text: Timetable(Limits.parse(text))
    ),
    st.none() | st.integers(1, 1000),
    st.none() | st.integers(1, 1000),
    passings,
    passings,
    passings,
)
situations = st.builds(
    Situation,
    st.none() | st.just(NOON),
    orders.map(lambda order: order and replace(order, limit=PAUSE)),
    orders.map(lambda order: order and (order if order.limit != PAUSE else None)),
    st.none() | st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.just(NOON + HOUR),
    st.integers(0, 1000),
    st.integers(0, 1000),
)


def test_where_nothing_stands_in_the_way_there_is_no_limit() -> None:
    assert not [kind for kind in KINDS if decide(policy(), FREE, kind).limit != UNLIMITED]


@pytest.mark.parametrize(
    ("there", "key", "why"),
    [
        (replace(FREE, metered=True), "metered", "metered"),
        (replace(FREE, recording=True), "recording", "recording"),
        (replace(FREE, on_battery=True), "battery", "battery"),
    ],
)
@pytest.mark.parametrize(
    ("passing", "first", "full"),
    [("send", True, True), ("first-stages", True, False), ("wait", False, False)],
)
def test_what_the_computer_sees_lets_pass_what_the_configuration_says(
    there: Situation, key: str, why: Why, passing: Passing, first: bool, full: bool
) -> None:
    said = policy(**{key: passing})
    for kind, passes in ((FIRST, first), (FULL, full)):
        verdict = decide(said, there, kind)
        assert verdict.waits is not passes
        assert (verdict.why == why) is not passes


def test_a_folder_needs_no_link_and_uses_no_data() -> None:
    there = replace(FREE, metered=True, recording=True, on_battery=True, day_used=10, month_used=10)
    said = policy(day_bytes=1, month_bytes=1, metered="wait", recording="wait")
    assert not decide(said, there, Kind(first=False, network=False)).waits
    assert decide(said, replace(there, pause=Order()), Kind(first=True, network=False)).waits
    assert decide(policy("pause"), there, Kind(first=True, network=False)).waits


@pytest.mark.parametrize(
    ("used", "first", "full"), [(899, True, True), (900, True, False), (1000, False, False)]
)
def test_the_last_tenth_of_a_budget_is_for_the_first_stages(
    used: int, first: bool, full: bool
) -> None:
    assert FULL_QUALITY_SHARE == 0.9
    day = decide(policy(day_bytes=1000), replace(FREE, day_used=used), FULL)
    assert day.waits is not full
    month = decide(policy(month_bytes=1000), replace(FREE, month_used=used), FIRST)
    assert month.waits is not first
    if month.waits:
        assert (day.until, month.until) == (next_day(NOON), next_month(NOON))


def test_the_month_is_told_before_the_day_because_it_lasts_longer() -> None:
    spent = replace(FREE, day_used=10, month_used=10)
    assert decide(policy(day_bytes=1, month_bytes=1), spent, FULL).why == "month budget"


@pytest.mark.parametrize(
    ("day", "following"), [((2026, 12, 31), (2027, 1, 1)), ((2028, 2, 29), (2028, 3, 1))]
)
def test_months_end_when_the_calendar_says(
    day: tuple[int, int, int], following: tuple[int, int, int]
) -> None:
    assert next_month(datetime(*day, 23, 59, tzinfo=NOON.tzinfo)) == datetime(
        *following, tzinfo=NOON.tzinfo
    )


def test_a_pause_ends_at_its_time_and_one_without_a_time_never() -> None:
    timed = replace(FREE, pause=Order(until=NOON + HOUR))
    assert decide(policy(), timed, FIRST).until == NOON + HOUR
    assert not decide(policy(), replace(timed, local=NOON + HOUR), FIRST).waits
    for_ever = replace(FREE, pause=Order(), local=NOON + 1000 * HOUR)
    assert decide(policy(), for_ever, FIRST).why == "paused"


def test_a_limit_of_people_stands_in_place_of_the_hours_while_it_holds() -> None:
    ordered = replace(FREE, limit=Order(Limit(1000), NOON + HOUR))
    assert decide(policy("pause"), ordered, FULL).limit == Limit(1000)
    later = replace(ordered, local=NOON + HOUR)
    assert decide(policy("pause"), later, FULL).why == "hours"
    assert decide(policy("64k"), replace(FREE, limit=Order(UNLIMITED)), FULL).why == "free"


def test_a_clock_that_was_never_set_gets_the_strictest_hour() -> None:
    never = Situation(None)
    assert decide(policy("08:00,pause 18:00,off"), never, FIRST).why == "clock"
    assert decide(policy("08:00,64k 18:00,off"), never, FULL).limit == Limit(64 << 10)
    assert decide(policy("off"), never, FULL).why == "free"


@given(policies, situations)
def test_what_people_ask_for_always_goes(said: Policy, there: Situation) -> None:
    assert not decide(said, there, Kind(first=False, asked=True)).waits


@given(policies, situations, st.booleans())
def test_the_first_stages_pass_wherever_the_full_quality_does(
    said: Policy, there: Situation, network: bool
) -> None:
    full = decide(said, there, Kind(False, network))
    first = decide(said, there, Kind(True, network))
    assert full.waits or first.limit == full.limit


@given(policies, situations)
def test_a_wait_ends_after_now_and_every_verdict_has_words(said: Policy, there: Situation) -> None:
    for kind in KINDS:
        verdict = decide(said, there, kind)
        assert words(verdict, there.local)
        if there.local is not None and verdict.until is not None:
            assert verdict.until > there.local


@pytest.mark.parametrize(
    ("ahead", "text"),
    [(HOUR, "13:00"), (13 * HOUR, "Tue 01:00"), (30 * 24 * HOUR, "30 Dec 12:00")],
)
def test_a_moment_is_as_short_as_it_is_clear(ahead: timedelta, text: str) -> None:
    assert moment(NOON + ahead, NOON) == text


def test_a_reason_says_until_when() -> None:
    table = policy("08:00,pause 18:00,off")
    assert words(decide(table, FREE, FULL), NOON) == (
        "outside of the hours for sending until 18:00"
    )
    paused = decide(table, replace(FREE, pause=Order()), FULL)
    assert words(paused, NOON) == "paused by people until somebody resumes it"
    assert words(decide(policy("64k"), FREE, FULL), NOON) == "at most 64 KiB/s"
