"""The bookings of a room, what became of each, and which of them concern it now. Pure.

What they lead to is decided in `edge_agent.rules.schedule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: Less than this is not worth a lecture of its own.
LEAST_REST = timedelta(minutes=1)


class Outcome(StrEnum):
    """What became of a booking; stored, so a name is for ever."""

    #: A lecture that people began is the booking's, and its time has not come.
    EARLY = "early"
    BEGUN = "begun"
    #: Its time was recorded in the lecture of another booking.
    COVERED = "covered"
    #: It is due and cannot begin; it begins as soon as it can.
    HINDERED = "hindered"
    MISSED = "missed"


#: What a calendar says of a lecture besides its time.
NAMED = ("title", "course", "lecturer", "language")
#: A booking with one of these does not begin (again) by itself.
_SETTLED = frozenset({Outcome.BEGUN, Outcome.COVERED})


@dataclass(frozen=True, slots=True)
class Booking:
    """One lecture of the timetable. Times are UTC, `known` is when the room first heard of it.

    The key names the calendar, the series and (after "|") the lecture in it; it stays the same when
    the lecture is moved.
    """

    key: str
    starts: datetime
    ends: datetime
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    known: datetime | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What a booking's lecture says of itself, and which of it nobody has typed: by name."""

    said: Mapping[str, str]
    #: As it was when it was taken over.
    taken: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A booking and what became of it."""

    booking: Booking
    #: People have said that it is not to be recorded.
    skipped: bool = False
    outcome: Outcome | None = None
    #: When it was to start at that time; a booking may move afterwards.
    starts_then: datetime | None = None
    reason: str = ""
    lecture: str = ""
    #: When that lecture ended; None: it has not, or nobody knows.
    ended: datetime | None = None
    #: It ended by itself, and the booking is not over: clock or calendar have changed since then.
    cut_short: bool = False
    #: None: it has no lecture that could say anything else.
    words: Words | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The lecture under way."""

    lecture: str
    #: When it began, and when it ends by itself, by the clock as it is now.
    began: datetime
    ends: datetime | None = None
    #: The end that was meant when it was set; None: there is none.
    until: datetime | None = None
    #: The key of its booking, and the end that this one had; "": it has none.
    booking: str = ""
    booked_until: datetime | None = None
    lecturer: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a decision about bookings needs."""

    now: datetime
    #: "synchronised", "plausible" or "unset".
    trust: str
    #: What may concern the room now, in order of their starts; and what is over and not settled.
    near: tuple[Entry, ...] = ()
    past: tuple[Entry, ...] = ()
    running: Running | None = None
    #: Why no lecture can be begun; empty: one can.
    hindrance: str = ""
    speaking: bool = False
    #: Since when the agent lives, and since when its clock is set.
    up_since: datetime | None = None
    clock_since: datetime | None = None
    #: How long a lecture may go on after its booking while somebody speaks.
    overrun: timedelta = timedelta(0)
    #: Those of the last day that are called otherwise than their lectures.
    renamed: tuple[Entry, ...] = ()

    @property
    def clock_set(self) -> bool:
        return self.trust != "unset"


def settled(it: Entry, running: str = "") -> bool:
    """It does not begin by itself any more. `running`: the lecture under way.

    A booking that was moved to after the end of its lecture is to be recorded again, and so is the
    rest of one that a wrong clock has ended, or whose end was moved after it had come.
    """
    if it.outcome is Outcome.EARLY:
        return bool(running) and it.lecture == running
    if it.outcome not in _SETTLED or it.cut_short:
        return False
    moved = it.starts_then != it.booking.starts
    return not (moved and it.ended is not None and it.booking.starts >= it.ended)


def new_words(it: Entry) -> dict[str, str]:
    """What its lecture is to say instead: the calendar's words, but where people have typed theirs.

    What a calendar does not say any more stays.
    """
    if it.words is None:
        return {}
    said, taken = it.words.said, it.words.taken
    found = {
        name: str(getattr(it.booking, name)) for name in NAMED if said.get(name) == taken.get(name)
    }
    return {name: text for name, text in found.items() if text and text != taken.get(name, text)}


def upcoming(it: Situation) -> Entry | None:
    """The next booking that will begin by itself, without those whose time it is."""
    return next((each for each in _open(it) if each.booking.starts > it.now), None)


def current(it: Situation) -> Entry | None:
    """The booking whose time it is: that of the lecture under way, else the first one."""
    present = [e for e in it.near if e.booking.starts <= it.now < e.booking.ends and not e.skipped]
    mine = it.running.booking if it.running else ""
    return next((e for e in present if e.booking.key == mine), next(iter(present), None))


def latest_end(it: Situation) -> datetime | None:
    """Up to when the lecture under way may be extended: the next booking goes before."""
    mine = it.running.booking if it.running else ""
    starts = [e.booking.starts for e in _open(it) if e.booking.key != mine and lasts(e, it.now)]
    return min(starts, default=None)


def named(booking: Booking) -> str:
    """For people: what it is called, and when it starts."""
    name = booking.title or booking.course or booking.lecturer or "without a title"
    return f"{name!r}, {booking.starts:%Y-%m-%d %H:%M} UTC"


def series_of(key: str) -> str:
    """The part of a booking's key that all lectures of its series share."""
    return key.rpartition("|")[0]


def _open(it: Situation) -> list[Entry]:
    """Not skipped, and still to begin."""
    running = it.running.lecture if it.running else ""
    return [each for each in it.near if not each.skipped and not settled(each, running)]


def due(it: Situation) -> list[Entry]:
    """To be recorded now, the first one first, and of several at once the longest."""
    mine = it.running.booking if it.running else ""
    found = [e for e in _open(it) if e.booking.starts <= it.now and lasts(e, it.now)]
    found = [e for e in found if not mine or e.booking.key != mine]
    return sorted(found, key=lambda e: (e.booking.starts, _backwards(e), e.booking.key))


def _backwards(entry: Entry) -> float:
    return -entry.booking.ends.timestamp()


def lasts(entry: Entry, now: datetime) -> bool:
    return now + LEAST_REST <= entry.booking.ends
