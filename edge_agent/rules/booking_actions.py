"""The actions that the timetable leads to; each is one of `edge_agent.rules.actions`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BeginBooked:
    """Begin the lecture of a booking."""

    booking: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """The lecture under way is that of a booking; `until`: when it ends from now on."""

    lecture: str
    booking: str
    outcome: str
    until: datetime


@dataclass(frozen=True, slots=True)
class MoveEnd:
    """Another planned end for a booked lecture; `booked_until`: that of its booking now."""

    lecture: str
    until: datetime
    booked_until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class TakeWords:
    """The lecture is called what its booking is called now."""

    lecture: str
    booking: str


@dataclass(frozen=True, slots=True)
class NoteBooking:
    """What became of a booking; `outcome` is one of `rules.bookings.Outcome`."""

    booking: str
    outcome: str
    reason: str
    lecture: str
