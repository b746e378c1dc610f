"""Laws of times as text: what is given out can be added to, shown and compared, everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import rfc3339
from edge_agent.rules.moments import UNKNOWN, moment

zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-1439, 1439))
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@given(st.datetimes(timezones=st.none() | zones).map(datetime.isoformat) | st.text())
def test_a_time_that_is_given_out_can_be_reckoned_with(text: str) -> None:
    found = moment(text)
    if found is not None:
        for days in (-36_500, 36_500):
            assert rfc3339(found + timedelta(days=days))
        assert found.astimezone()
        assert found < NOW or found >= NOW


@pytest.mark.parametrize("text", [UNKNOWN, "2026-11-22T10:00:00.000Z", "2026-11-22T17:00:00+07:00"])
def test_what_clocks_say_is_a_time(text: str) -> None:
    assert moment(text) == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "text", ["", "never", "2026-11-22T10:00:00", "9999-12-31T23:59:59Z", "0001-01-01", None, 5, {}]
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert moment(text) is None
