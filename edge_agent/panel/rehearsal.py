"""Test recordings of the page for IT staff: how one is begun, and how it is known afterwards. Pure.

One is a lecture like any other, which ends by itself and stays here. Who gives it another title, or
lets it be sent, has made a lecture of it, and it is not thrown away by one touch any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from edge_agent.clock import rfc3339
from edge_agent.rows import Lecture

#: Long enough to hear oneself; the first second goes by before "Recording" is said.
TEST_S = 11.0
TEST_TITLE = "Test recording"


def begun(now: datetime) -> dict[str, object]:
    """The arguments of its start."""
    end = now + timedelta(seconds=TEST_S)
    return {"title": TEST_TITLE, "until_utc": rfc3339(end), "withheld": True}


def is_test(lecture: Lecture) -> bool:
    return lecture.title == TEST_TITLE and bool(lecture.withheld)
