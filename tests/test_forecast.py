"""When a lecture will have arrived: exact where all is known, honest where it is not."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.commands.words import expected
from tests.simulated_days import Days, Link
from uploader.forecast import HORIZON, Arrival, Coming, Hour, Piece, Rates, forecast
from uploader.limits import Limits
from uploader.policy import Kind, Order, Policy, Situation
from uploader.timetable import Timetable

#: A Monday noon.
NOON = datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("Asia/Phnom_Penh"))
HOUR = timedelta(hours=1)
FIRST, FULL = Kind(first=True), Kind(first=False)
FREE = Situation(NOON)
RATE = 1000.0


def policy(limit: str = "off", **more: object) -> Policy:
    return replace(Policy(Timetable(Limits.parse(limit))), **more)  # type: ignore[arg-type]


def piece(seconds: float, kind: Kind = FULL, lecture: str = "L") -> Piece:
    """So many seconds of the link."""
    return Piece(lecture, "platform", kind, int(RATE * seconds))


def played(
    queue: list[Piece], said: Policy | None = None, there: Situation = FREE, rate: float = RATE
) -> list[Arrival]:
    return forecast(queue, {"platform": lambda _: rate}, said or policy(), there)


def hours_until(arrival: Arrival) -> float | None:
    return None if arrival.at is None else round((arrival.at - NOON) / HOUR, 3)


def test_on_a_steady_link_it_is_a_division() -> None:
    queue = [piece(1800, FIRST), piece(5400), piece(3600)]
    assert [hours_until(each) for each in played(queue)] == [0.5, 2.0, 3.0]


def test_closed_hours_are_waited_for_and_a_limit_is_kept() -> None:
    found = played([piece(7200)], policy("08:00,pause 18:00,off"))
    assert [hours_until(each) for each in found] == [8.0]
    slow = policy("08:00,500B 18:00,off")
    assert [hours_until(each) for each in played([piece(4 * 3600)], slow)] == [7.0]


def test_the_first_stages_pass_while_a_lecture_is_recorded_and_the_rest_follows() -> None:
    there = replace(FREE, recording=True, recording_until=NOON + HOUR)
    queue = [piece(3600, FULL, "old"), piece(600, FIRST, "new")]
    old, new = played(queue, there=there)
    assert hours_until(new) == round(1 / 6, 3)
    assert hours_until(old) == 2.0


def test_a_budget_spreads_a_lecture_over_days() -> None:
    there = replace(FREE, day_used=int(0.9 * RATE * 3600))
    (found,) = played([piece(2 * 0.9 * 3600)], policy(day_bytes=int(RATE * 3600)), there)
    assert hours_until(found) == 12 + 24 + 0.9


def test_a_pause_is_waited_for_and_one_without_an_end_is_the_reason() -> None:
    timed = replace(FREE, pause=Order(until=NOON + 2 * HOUR))
    assert hours_until(played([piece(3600)], there=timed)[0]) == 3.0
    (found,) = played([piece(3600)], there=replace(FREE, pause=Order()))
    assert found.at is None
    assert found.verdict is not None
    assert found.verdict.why == "paused"
    (asked,) = played([piece(3600, Kind(False, True, True))], there=timed)
    assert hours_until(asked) == 1.0


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (replace(FREE, metered=True), "metered"),
        (replace(FREE, on_battery=True), "battery"),
        (replace(FREE, recording=True), "recording"),
    ],
)
def test_nobody_knows_when_what_the_computer_sees_will_end(there: Situation, why: str) -> None:
    (found,) = played([piece(3600)], there=there)
    assert found.at is None
    assert found.verdict is not None
    assert found.verdict.why == why


def test_without_a_rate_or_a_clock_nothing_is_promised() -> None:
    (found,) = forecast([piece(1)], {}, policy(), FREE)
    assert (found.at, found.verdict) == (None, None)
    (found,) = forecast([piece(1)], {"platform": lambda _: RATE}, policy(), Situation(None))
    assert found.at is None


def test_what_is_not_made_yet_is_waited_for_and_holds_up_nothing() -> None:
    later = replace(piece(600, FIRST), ready=NOON + HOUR)
    made, other = played([later, piece(2 * 3600)])
    assert hours_until(made) == round(1 + 1 / 6, 3)
    assert hours_until(other) == round(2 + 1 / 6, 3)


def test_a_lecture_that_will_be_recorded_holds_it_up_and_goes_before_it() -> None:
    """12-13 sending, 13-14 recording, ten minutes and an hour for the new one, then the rest."""
    lecture = Coming(NOON + HOUR, NOON + 2 * HOUR, "platform", int(600 * RATE), int(3600 * RATE))
    (found,) = forecast(
        [piece(7200)], {"platform": lambda _: RATE}, policy(), FREE, coming=[lecture]
    )
    assert hours_until(found) == pytest.approx(2 + 1 / 6 + 1 + 1, abs=0.001)


def test_what_takes_longer_than_anybody_plans_is_not_promised() -> None:
    (found,) = played([piece(HORIZON.total_seconds() + 3600)])
    assert (found.at, found.verdict) == (None, None)


limits = st.sampled_from(["off", "100B", "08:00,pause 18:00,off", "Mon-13:00,200B Tue-02:00,off"])
queues = st.lists(
    st.builds(piece, st.integers(1, 100_000), st.sampled_from([FIRST, FULL])), max_size=6
)


@given(queues, limits, st.none() | st.integers(10**6, 10**8))
@settings(deadline=None, max_examples=60)
def test_more_before_it_or_a_slower_link_never_makes_anything_earlier(
    queue: list[Piece], limit: str, budget: int | None
) -> None:
    said = policy(limit, day_bytes=budget)
    far = NOON + 2 * HORIZON
    alone = [each.at or far for each in played(queue, said)]
    behind = [each.at or far for each in played([piece(1000, FIRST), *queue], said)[1:]]
    slower = [each.at or far for each in played(queue, said, rate=0.5 * RATE)]
    second = timedelta(seconds=1)
    for index in range(len(queue)):
        assert alone[index] <= behind[index] + second
        assert alone[index] <= slower[index] + second
        assert alone[index] > NOON


# ---------------------------------------------------------------- the rate


def hour(days_ago: int, clock: int, rate: float, seconds: float = 3600) -> Hour:
    day = NOON.date() - timedelta(days=days_ago)
    return Hour(day, clock, int(rate * seconds), seconds)


def test_an_hour_is_expected_to_be_as_it_was_and_one_bad_day_counts_little() -> None:
    night = [hour(n, 22, 900) for n in range(1, 5)]
    rates = Rates([*night, hour(5, 22, 1), hour(1, 14, 100), hour(2, 14, 100)], NOON)
    assert rates.at(NOON.replace(hour=22)) == 900
    assert rates.at(NOON.replace(hour=14)) == 100
    assert rates.at(NOON.replace(hour=3)) == 900, "where nothing is known: the usual of all"


def test_what_goes_through_now_bends_the_next_hours_and_fades() -> None:
    rates = Rates(
        [*(hour(n, h, 1000) for n in range(1, 4) for h in range(24)), hour(0, 12, 250)], NOON
    )
    soon, later = rates.at(NOON), rates.at(NOON + 24 * HOUR)
    assert soon == pytest.approx(300, rel=0.3)
    assert later == pytest.approx(1000, rel=0.01)


def test_seconds_of_trying_and_old_days_say_nothing() -> None:
    assert Rates([hour(1, 12, 1000, seconds=5), hour(40, 12, 1000)], NOON).at(NOON) is None
    assert Rates([], NOON).at(NOON) is None


def test_a_link_that_was_dead_for_hours_promises_less_not_nothing() -> None:
    rates = Rates([hour(1, 12, 1000), Hour(NOON.date(), 12, 0, 1800.0)], NOON)
    found = rates.at(NOON)
    assert found is not None
    assert 0 < found < 1000


# ---------------------------------------------------------------- simulated days


@pytest.mark.parametrize("limit", ["off", "08:00,64k 18:00,off", "06:00,pause 19:00,off"])
@pytest.mark.parametrize("unsteady", [0.0, 0.4])
def test_over_simulated_days_first_forecasts_are_near_what_happens(
    limit: str, unsteady: float
) -> None:
    """A week of learning does not count, nor what is still on its way at the end."""
    link = Link(60e3, 180e3, unsteady, cut_share=0.1, chance=random.Random(7))
    days = Days(link, policy(limit)).run(18)
    kept = [each for each in days.promises[24:] if each.arrived is not None]
    assert len(kept) > 15
    errors = [abs(each.error) for each in kept if each.expected is not None]
    assert len(errors) >= 0.9 * len(kept), "hardly ever is nothing promised"
    assert median(errors) < (0.15 if not unsteady else 0.25)


# ---------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0.5, "in a minute"),
        (3.2, "in about 4 minutes"),
        (31, "in about 35 minutes"),
        (61, "about 13:05"),
        (8 * 60 + 3, "tonight about 20:10"),
        (11.8 * 60, "tonight about 23:50"),
        (13 * 60, "tomorrow early in the morning"),
        (20 * 60, "tomorrow in the morning"),
        (50 * 60, "Wednesday in the afternoon"),
        (9 * 24 * 60, "on 9 December"),
    ],
)
def test_a_forecast_is_as_exact_as_it_can_be_meant(minutes: float, text: str) -> None:
    assert expected(NOON + timedelta(minutes=minutes), NOON) == text
