"""Laws of patience."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.health import (
    GONE,
    RETRY_FIRST_NS,
    RETRY_MOST_NS,
    SECOND,
    SILENCE_LIMIT_NS,
    Phase,
    Pressure,
    Retries,
    next_pressure,
    retry_delay_ns,
    silent,
)


def test_every_phase_with_a_process_has_a_limit() -> None:
    assert set(SILENCE_LIMIT_NS) == set(Phase) - set(GONE)


def test_what_is_absent_is_never_silent() -> None:
    assert not silent(Phase.ABSENT, 0, 10**18)


def test_a_slow_start_is_given_more_time_at_the_next_try_but_not_without_end() -> None:
    limit = SILENCE_LIMIT_NS[Phase.STARTING]
    assert silent(Phase.STARTING, 0, limit + 1, slow_starts=0)
    assert not silent(Phase.STARTING, 0, limit + 1, slow_starts=1)
    assert silent(Phase.STARTING, 0, 4 * limit + 1, slow_starts=99)
    assert silent(Phase.RECORDING, 0, SILENCE_LIMIT_NS[Phase.RECORDING] + 1, slow_starts=99)


def test_starting_is_given_more_time_than_the_steady_state() -> None:
    assert SILENCE_LIMIT_NS[Phase.STARTING] > SILENCE_LIMIT_NS[Phase.ARMED]


@given(st.sampled_from(Pressure), st.integers(0, 10**12), st.integers(0, 10**12))
def test_pressure_never_falls_and_never_skips_a_step(
    pressure: Pressure, since_ns: int, later_ns: int
) -> None:
    after = next_pressure(pressure, since_ns, since_ns + later_ns)
    assert after - pressure in (0, 1)


def test_a_process_that_does_not_react_is_killed_within_three_seconds() -> None:
    pressure, since_ns, now_ns = Pressure.NONE, 0, 0
    while pressure is not Pressure.KILLED:
        after = next_pressure(pressure, since_ns, now_ns)
        if after is not pressure:
            pressure, since_ns = after, now_ns
        now_ns += SECOND // 10
        assert now_ns < 3 * SECOND


@given(st.integers(1, 10_000))
def test_a_device_that_returns_is_tried_within_three_seconds(failures: int) -> None:
    assert 0 < retry_delay_ns(failures) <= RETRY_MOST_NS <= 3 * SECOND
    assert retry_delay_ns(failures + 1) >= retry_delay_ns(failures)


def failed(times: int, now_ns: int = 100 * SECOND) -> Retries:
    it = Retries()
    for _ in range(times):
        it = it.started(now_ns).failed(now_ns, proven=False)
    return it


def test_a_device_that_was_plugged_in_is_tried_at_once_however_long_it_was_away() -> None:
    now_ns = 101 * SECOND
    assert failed(20).due_ns > now_ns
    assert failed(20).device_came(now_ns).due_ns <= now_ns


def test_one_that_needs_a_moment_after_that_is_tried_again_soon_and_told_no_second_time() -> None:
    now_ns = 101 * SECOND
    again = failed(20).device_came(now_ns).started(now_ns).failed(now_ns, proven=False)
    assert again.due_ns == now_ns + retry_delay_ns(1)
    assert again.failures == 21


def test_a_try_that_is_due_is_never_put_off_by_a_device_that_comes() -> None:
    it = failed(1)
    assert it.device_came(it.due_ns + SECOND).due_ns == it.due_ns


@given(st.lists(st.integers(0, SECOND // 10), min_size=1, max_size=40))
def test_a_plug_that_makes_and_breaks_contact_starts_no_more_than_two_a_second(
    pauses: list[int],
) -> None:
    it, now_ns, starts = failed(20), 200 * SECOND, list[int]()
    for pause_ns in pauses:
        now_ns += pause_ns
        it = it.device_came(now_ns)
        if now_ns >= it.due_ns:
            starts.append(now_ns)
            it = it.started(now_ns).failed(now_ns, proven=False)
    gaps = [after - before for before, after in pairwise(starts)]
    assert all(gap >= RETRY_FIRST_NS for gap in gaps)


def test_a_recorder_that_had_proven_itself_fails_for_the_first_time() -> None:
    assert failed(20).failed(500 * SECOND, proven=True).failures == 1
