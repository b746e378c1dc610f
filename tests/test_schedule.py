"""Laws of going on after an interruption."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.rules.schedule import goes_on, rebased_ns

T = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MIN, HOUR = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = 15 * MIN


@pytest.mark.parametrize(
    ("now", "until", "last", "expected"),
    [
        (T, None, T - 14 * MIN, True),
        (T, None, T - 15 * MIN, False),
        (T, T + MIN, T - 3 * HOUR, True),
        (T, T, T - MIN, False),
        (T, T - MIN, T - 2 * MIN, False),
        # The clock was reset by the outage: the last write lies in the future.
        (T - 20 * 365 * 24 * HOUR, None, T, True),
        (T - 20 * 365 * 24 * HOUR, T + HOUR, T, True),
    ],
)
def test_it_goes_on_until_its_end_or_for_a_while(
    now: datetime, until: datetime | None, last: datetime, expected: bool
) -> None:
    assert goes_on(now, until, last, PATIENCE) is expected


def test_an_untrusted_clock_does_not_end_a_lecture_that_was_just_running() -> None:
    until, last = T + 5 * MIN, T
    assert goes_on(T + 10 * MIN, until, last, PATIENCE, clock_trusted=False)
    assert not goes_on(T + 10 * MIN, until, last, PATIENCE, clock_trusted=True)
    assert not goes_on(T + 60 * MIN, until, last, PATIENCE, clock_trusted=False)


@pytest.mark.parametrize(
    ("off", "seconds"),
    [(timedelta(seconds=90), 90), (HOUR, 3600), (-HOUR, 1), (timedelta(days=9000), 1)],
)
def test_lecture_time_after_a_reboot_follows_a_believable_clock_only(
    off: timedelta, seconds: int
) -> None:
    assert rebased_ns(5_000_000_000, T, T + off) == 5_000_000_000 + seconds * 1_000_000_000
