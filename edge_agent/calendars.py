"""From a calendar's text to the room's copy of it: read in a child, believed or not, merged.

An answer that is no calendar, or says that there is nothing while something is near, changes
nothing: what was known stays, and people are told.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from edge_agent.clock import rfc3339
from edge_agent.schedule_store import Calendar, booking_of, merged

#: Of one room's calendar; a campus in one file is more.
MOST_BYTES = 4 << 20
#: Repeated lectures are reckoned so far ahead: weeks without a network must not end the timetable.
AHEAD = timedelta(days=400)
BEHIND = timedelta(days=1)
#: And reckoned anew when the copy is so old, though the calendar has not changed.
STALE = timedelta(days=7)
#: An empty answer is not believed while a known booking runs or begins within this time.
NEAR = timedelta(hours=12)
#: The child ends itself after less processor time; a busy PC gives it little.
READ_S = 180.0


class BadCalendar(Exception):
    """The text cannot be taken over; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a calendar is to be understood."""

    zone: str = ""
    location: str = ""


def taken_over(
    old: Calendar | None, fresh: Calendar, text: bytes, wishes: Wishes, now: datetime
) -> Calendar:
    """The calendar with the bookings that the text holds. Raises BadCalendar."""
    if len(text) >= MOST_BYTES:
        raise BadCalendar(
            f"it has more than {MOST_BYTES >> 20} MiB; ask for one of this room alone"
        )
    found = _read(text, fresh.name, wishes, now)
    bookings = tuple(booking_of(row) for row in found["bookings"])
    new = replace(
        fresh,
        bookings=bookings,
        changed_utc=rfc3339(now),
        until_utc=rfc3339(now + AHEAD),
        sha256=fingerprint(text, wishes),
        trouble="",
        notes=tuple(found["notes"]),
    )
    if doubt := doubtful(old, new, now):
        raise BadCalendar(doubt)
    return merged(old, new, now)


def fingerprint(text: bytes, wishes: Wishes) -> str:
    """The same for the same calendar, understood in the same way."""
    return hashlib.sha256(json.dumps([wishes.zone, wishes.location]).encode() + text).hexdigest()


def is_stale(calendar: Calendar, now: datetime) -> bool:
    """What repeats must be reckoned further ahead."""
    if not calendar.until_utc:
        return True
    return datetime.fromisoformat(calendar.until_utc) - now < AHEAD - STALE


def doubtful(old: Calendar | None, new: Calendar, now: datetime) -> str:
    """Why an answer is not to be believed; empty: it is."""
    if old is None or any(booking.ends > now for booking in new.bookings):
        return ""
    near = [b for b in old.bookings if b.ends > now and b.starts < now + NEAR]
    if not near:
        return ""
    return (
        f"it says that there is nothing, though {len(near)} bookings were near; "
        "what was known still holds"
    )


def _read(text: bytes, name: str, wishes: Wishes, now: datetime) -> dict[str, Any]:
    request = {
        "name": name,
        "since": (now - BEHIND).isoformat(),
        "until": (now + AHEAD).isoformat(),
        "zone": wishes.zone,
        "location": wishes.location,
    }
    command = [sys.executable, "-m", "edge_agent.calendar_reader", json.dumps(request)]
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=READ_S)
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError):
        found = {}
    if not isinstance(found, dict) or not {"bookings", "refused"} & found.keys():
        raise BadCalendar(
            "it takes too much time or memory to read; look for an event that repeats without end, "
            "or ask for a calendar of this room alone"
        )
    if "refused" in found:
        raise BadCalendar(f"{found['refused']}; is it the right one?")
    return found
