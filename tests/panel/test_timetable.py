"""Laws of what the panel shows of the timetable."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.panel.timetable import booking_of, has_begun
from edge_agent.rules.bookings import Outcome


def booked(title: str, outcome: str = "", recording: bool = False) -> dict[str, Any]:
    """As the agent's status has it."""
    return {
        "id": "ab12",
        "title": title,
        "course": "PHY 204",
        "lecturer": "Dr Sok",
        "language": "km",
        "starts_utc": "2026-11-23T03:00:00.000Z",
        "ends_utc": "2026-11-23T04:30:00.000Z",
        "recording": recording,
        "outcome": outcome,
        "reason": "",
    }


def status(now: Any = None, following: Any = None) -> dict[str, Any]:
    return {"schedule": {"bookings": 2, "now": now, "next": following, "trouble": ""}}


def shown(of: dict[str, Any] | None) -> str | None:
    booking = booking_of(of)
    return booking.title if booking else None


@pytest.mark.parametrize("outcome", ["", *Outcome])
@pytest.mark.parametrize("recording", [False, True])
def test_the_next_lecture_is_the_one_whose_time_it_is_until_it_has_had_its_recording(
    outcome: str, recording: bool
) -> None:
    waits = outcome in ("", "hindered", "missed") and not recording
    told = status(booked("now", outcome, recording), booked("next"))
    assert shown(told) == ("now" if waits else "next")
    assert has_begun(told, talking=True) == waits


def test_without_its_time_the_next_one_is_shown_and_nothing_is_late() -> None:
    told = status(None, booked("next"))
    assert shown(told) == "next"
    assert not has_begun(told, talking=True)


def test_nobody_is_asked_in_silence() -> None:
    assert not has_begun(status(booked("now")), talking=False)


@pytest.mark.parametrize("told", [None, {}, {"schedule": None}, status()])
def test_a_room_without_a_timetable_shows_none(told: dict[str, Any] | None) -> None:
    assert booking_of(told) is None
    assert not has_begun(told, talking=True)
