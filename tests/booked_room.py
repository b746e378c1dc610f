"""Bookings of one day, and what a room with them is about to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from edge_agent.rules import actions as do
from edge_agent.rules.bookings import Booking, Entry, Outcome, Running, Situation

MINUTE = timedelta(minutes=1)


def at(clock: str, day: int = 23) -> datetime:
    """A time of day; with seconds where they matter."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}+00:00").astimezone(UTC)


def booking(starts: str, ends: str, name: str = "physics", **more: str) -> Booking:
    texts = {"title": name.title(), **more}
    return Booking(f"campus:{name}|", at(starts), at(ends), known=at("00:00", 1), **texts)


PHYSICS = booking("10:00", "11:30", lecturer="Dr Sok")
NEXT = booking("11:30", "13:00", "law", lecturer="Dr Chan")


def then(entry: Entry, outcome: Outcome, lecture: str = "L1", ended: str = "") -> Entry:
    """What became of a booking as it stands in the timetable now."""
    return replace(
        entry,
        outcome=outcome,
        starts_then=entry.booking.starts,
        lecture=lecture,
        ended=at(ended) if ended else None,
    )


def room(clock: str, *near: Booking | Entry, **more: object) -> Situation:
    entries = tuple(each if isinstance(each, Entry) else Entry(each) for each in near)
    return Situation(at(clock), "synchronised", entries, **more)  # type: ignore[arg-type]


def by_hand(began: str, **more: object) -> Running:
    """A lecture that people have begun."""
    return Running("L1", at(began), **more)  # type: ignore[arg-type]


def booked(it: Booking, until: str = "", began: str = "", **more: object) -> Running:
    """The lecture of a booking, which ends when its clock has come to `until`."""
    end = at(until) if until else it.ends
    began_at = at(began) if began else it.starts
    return Running("L1", began_at, end, end, it.key, it.ends, it.lecturer, **more)  # type: ignore[arg-type]


BEGUN = then(Entry(PHYSICS), Outcome.BEGUN)
BEGIN = do.BeginBooked(PHYSICS.key)
NOON = at("12:00")
