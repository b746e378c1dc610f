"""The timetable as people read it. Pure, but for the time zone of this computer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from edge_agent.commands.words import table

#: What became of a booking, in a word.
_WORDS = {
    "early": "being recorded",
    "begun": "recorded",
    "covered": "recorded with another",
    "hindered": "cannot begin",
    "missed": "missed",
}


def lines(bookings: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each booking, with the day where it changes."""
    rows = [
        (b["id"], *_when(b), b["title"] or b["course"] or "–", b["lecturer"], _state(b))
        for b in bookings
    ]
    if not rows:
        return ["no bookings"]
    return table(("ID", "DAY", "TIME", "TITLE", "LECTURER", ""), rows)


def problems(calendars: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"calendar {c['name']}: {c['trouble']}" for c in calendars if c["trouble"]]


def calendar_line(calendar: Mapping[str, Any]) -> str:
    """One calendar after it was read."""
    notes = "".join(f"; {note}" for note in calendar["notes"])
    count = calendar["bookings"]
    return f"{calendar['name']}: {count} {'booking' if count == 1 else 'bookings'}{notes}"


def _when(booking: Mapping[str, Any]) -> tuple[str, str]:
    starts = datetime.fromisoformat(booking["starts_utc"]).astimezone()
    ends = datetime.fromisoformat(booking["ends_utc"]).astimezone()
    return f"{starts:%a %Y-%m-%d}", f"{starts:%H:%M}–{ends:%H:%M}"


def _state(booking: Mapping[str, Any]) -> str:
    if booking["skipped"]:
        return "skipped"
    word = _WORDS.get(booking["outcome"], "")
    return f"{word}: {booking['reason']}" if booking["reason"] else word
