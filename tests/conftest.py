"""Fixtures of tests in more than one folder or file."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def phnom_penh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is Cambodia's, which has no daylight saving."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Phnom_Penh")
        time.tzset()
        yield
    time.tzset()
