"""What the panel shows of the timetable: the next lecture, and one that should have begun. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.panel.state import Booking

#: What the agent says of a booking whose time it is and of which nothing has been recorded.
_OPEN = ("", "hindered", "missed")


def booking_of(status: Mapping[str, Any] | None) -> Booking | None:
    """The booking whose time it is, as long as it waits for its lecture; else the next one."""
    told = _now(status) or _said(status, "next")
    if told is None:
        return None
    return Booking(
        title=told["title"],
        lecturer=told["lecturer"],
        course=told["course"],
        starts_utc=told["starts_utc"],
        ends_utc=told["ends_utc"],
    )


def has_begun(status: Mapping[str, Any] | None, talking: bool) -> bool:
    """A booked lecture seems to go on, and nobody records it."""
    return talking and _now(status) is not None


def _now(status: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    told = _said(status, "now")
    waits = told is not None and told["outcome"] in _OPEN and not told["recording"]
    return told if waits else None


def _said(status: Mapping[str, Any] | None, which: str) -> Mapping[str, Any] | None:
    schedule = status.get("schedule") if status else None
    found = schedule.get(which) if schedule else None
    return found if isinstance(found, Mapping) else None
