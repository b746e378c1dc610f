"""What the limits say at this moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge_agent.clock import Now
from edge_agent.upload_window import Window
from uploader.limits import Limits

#: A Monday, 03:00 UTC.
NOW = Now(1, datetime(2026, 11, 23, 3, tzinfo=UTC), "boot", "synchronised")


class Clock:
    def __init__(self, now: Now) -> None:
        self._now = now

    def now(self) -> Now:
        return self._now

    def mono_ns(self) -> int:
        return self._now.mono_ns


@pytest.fixture(autouse=True)
def _phnom_penh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Phnom_Penh")
        time.tzset()
        yield
    time.tzset()


LIMITS = Limits.parse("08:00,pause 12:00,256k 18:00,off")


def test_the_hour_is_the_rooms_own() -> None:
    """10:00 in Phnom Penh."""
    window = Window(LIMITS, Clock(NOW))
    assert window.limit().pauses
    assert not window.open()


def test_it_is_open_when_something_may_be_sent() -> None:
    later = replace(NOW, utc=datetime(2026, 11, 23, 6, tzinfo=UTC))
    window = Window(LIMITS, Clock(later))
    assert window.limit().rate == 256 << 10
    assert window.open()


def test_a_clock_that_was_never_set_cannot_tell_that_it_is_night() -> None:
    never = replace(NOW, utc=datetime(1970, 1, 1, 12, tzinfo=UTC), trust="unset")
    assert not Window(LIMITS, Clock(never)).open()
    assert Window(Limits.parse("off"), Clock(never)).open()
