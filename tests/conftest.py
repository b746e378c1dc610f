"""Fixtures of tests in more than one folder or file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

#: How long an example takes says something of the PC, and nothing of what is tested.
settings.register_profile("any PC", deadline=None)
settings.load_profile("any PC")


@pytest.fixture
def phnom_penh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is Cambodia's, which has no daylight saving."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Phnom_Penh")
        time.tzset()
        yield
    time.tzset()
