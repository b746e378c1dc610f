"""What the supervisor knows of the timetable: the room's copy, and what became of each booking.

Reads the store only when it has changed, and decides nothing: see `edge_agent.rules.schedule`. A
damaged file is told, and the others go on.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from edge_agent.booked_lecture import cut_short, running, span, words
from edge_agent.clock import Now, rfc3339
from edge_agent.ledger import Ledger
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules import bookings as rules
from edge_agent.rules.bookings import Booking, Entry, Outcome, Situation
from edge_agent.rules.health import SECOND
from edge_agent.rules.moments import moment
from edge_agent.rules.schedule import goes_on_until
from edge_agent.rules.steady import Steady, seen
from edge_agent.schedule_store import (
    KEEP_PAST,
    LONGEST,
    BadStore,
    Calendar,
    ScheduleStore,
    everything,
    short,
)

#: The store is looked at, and what became of bookings is asked for, this often.
LOOK_NS = SECOND
#: What is over is gone through this often: nobody waits for it.
PAST_NS = 60 * SECOND
#: Bookings that begin within this time are looked at closely; it covers the jump of a clock.
NEAR = timedelta(hours=48)
CLOCK_UNSET = "the clock of this PC is not set: booked lectures do not begin by themselves"


@dataclass(frozen=True, slots=True)
class Held:
    """The bookings that count, in order of their starts."""

    bookings: tuple[Booking, ...] = ()
    skipped: frozenset[str] = frozenset()


class ScheduleWatch:
    """Used by the supervisor's thread. `configured`: the calendars that the configuration names."""

    def __init__(
        self,
        store: ScheduleStore,
        ledger: Ledger,
        configured: Collection[str],
        overrun: timedelta,
        enabled: bool = True,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._configured = configured
        self._overrun = overrun
        self._enabled = enabled
        self._stamp: object = None
        self._held = Held()
        self._by_key: dict[str, Booking] = {}
        self._starts: list[datetime] = []
        self._due_ns = self._past_due_ns = 0
        self._near: tuple[Entry, ...] = ()
        self._past: tuple[Entry, ...] = ()
        self._renamed: tuple[Entry, ...] = ()
        self._active = ""
        self._up_ns: int | None = None
        self._clock_ns: int | None = None
        #: What people have been told: by calendar, and of the clock under "".
        self._told: dict[str, str] = {}
        self._last: Situation | None = None
        self._clock = Steady()

    def look(
        self, now: Now, lecture: Lecture | None, hindrance: str, speaking: bool
    ) -> Situation | None:
        """The situation of this round; None: lectures do not begin by themselves here.

        Raises OSError, sqlite3.Error.
        """
        if not self._enabled:
            return None
        self._clock = seen(self._clock, now.mono_ns + now.asleep_ns, now.utc, now.trust)
        now = self.steady(now)
        if self._up_ns is None:
            self._up_ns = now.mono_ns
        if self._clock_ns is None and now.trust != "unset":
            self._clock_ns = now.mono_ns
        active = lecture.booking + lecture.id if lecture else ""
        if now.mono_ns >= self._due_ns or active != self._active:
            self._look_closely(now, lecture)
            self._due_ns, self._active = now.mono_ns + LOOK_NS, active
        self._last = Situation(
            now=now.utc,
            trust=now.trust,
            near=self._near,
            past=self._past,
            renamed=self._renamed,
            running=running(lecture, now) if lecture else None,
            hindrance=hindrance,
            speaking=speaking,
            up_since=_utc(self._up_ns, now),
            clock_since=_utc(self._clock_ns, now),
            overrun=self._overrun,
        )
        return self._last

    def steady(self, now: Now) -> Now:
        """The time that bookings go by: a clock that has just jumped is not believed yet."""
        return replace(now, utc=self._clock.at(now.mono_ns + now.asleep_ns, now.utc))

    def look_again(self) -> None:
        """After something has become of a booking."""
        self._due_ns = self._past_due_ns = 0

    def booking(self, key: str) -> Booking:
        """One that a decision names. Raises KeyError."""
        return self._by_key[key]

    def entry(self, key: str, now: Now) -> Entry | None:
        """A booking with what became of it; None: it is not there any more."""
        return next(self._entries([key] if key in self._by_key else [], now), None)

    def status(self) -> dict[str, Any] | None:
        """For those who show the room: the booking whose time it is, and the next one."""
        it = self._last
        if it is None:
            return None
        present, following = rules.current(it), rules.upcoming(it)
        until = goes_on_until(it)
        waits = CLOCK_UNSET if not it.clock_set and self._held.bookings else ""
        return {
            "bookings": len(self._held.bookings),
            "now": _shown(present, it) if present and it.clock_set else None,
            "next": _shown(following, it) if following and it.clock_set else None,
            "goes_on_until_utc": rfc3339(until) if until and it.clock_set else None,
            "trouble": "; ".join(filter(None, [waits, *self._troubles()])),
        }

    # ------------------------------------------------------------ pieces

    def _look_closely(self, now: Now, lecture: Lecture | None) -> None:
        stamp = self._store.stamp()
        if stamp != self._stamp:
            self._read(now)
            self._stamp = stamp
            self._past_due_ns = 0
        if now.trust == "unset" and self._held.bookings:
            self._tell("", CLOCK_UNSET, now)
        keys = [booking.key for booking in self._within(now.utc - LONGEST, now.utc + NEAR)]
        if lecture is not None and lecture.booking in self._by_key and lecture.booking not in keys:
            keys.append(lecture.booking)
        entries = list(self._entries(keys, now))
        self._renamed = tuple(e for e in entries if rules.new_words(e))
        self._near = tuple(e for e in entries if self._matters(e, now, lecture))
        if now.mono_ns >= self._past_due_ns:
            self._past_due_ns = now.mono_ns + PAST_NS
            over = self._within(now.utc - KEEP_PAST, now.utc)
            keys = self._untold([b for b in over if b.ends <= now.utc])
            self._past = tuple(e for e in self._entries(keys, now) if not rules.settled(e))
            if now.trust != "unset":
                self._ledger.drop_bookings(rfc3339(now.utc - 2 * KEEP_PAST))

    def _untold(self, over: list[Booking]) -> list[str]:
        """Those of which nothing final is known; a room holds thousands of the others."""
        rows = self._ledger.booking_rows([booking.key for booking in over])
        final = (Outcome.BEGUN, Outcome.COVERED, Outcome.MISSED)
        told = {k for k, row in rows.items() if row.outcome in final}
        told = {k for k in told if rows[k].starts_utc == rfc3339(self._by_key[k].starts)}
        return [b.key for b in over if b.key not in told | self._held.skipped]

    def _matters(self, entry: Entry, now: Now, lecture: Lecture | None) -> bool:
        mine = lecture is not None and entry.booking.key == lecture.booking
        return mine or entry.booking.ends > now.utc

    def _within(self, since: datetime, until: datetime) -> tuple[Booking, ...]:
        """Those that begin within a time."""
        first = bisect.bisect_left(self._starts, since)
        last = bisect.bisect_right(self._starts, until)
        return self._held.bookings[first:last]

    def _entries(self, keys: list[str], now: Now) -> Iterator[Entry]:
        rows = self._ledger.booking_rows(keys)
        for key in keys:
            row = rows.get(key)
            yield self._entry(self._by_key[key], row, now)

    def _entry(self, booking: Booking, row: BookingRow | None, now: Now) -> Entry:
        skipped = booking.key in self._held.skipped
        if row is None:
            return Entry(booking, skipped)
        lecture = self._ledger.lecture(row.lecture) if row.lecture else None
        ended = lecture.ended_utc if lecture is not None else None
        return Entry(
            booking,
            skipped,
            _outcome(row),
            moment(row.starts_utc),
            row.reason,
            row.lecture,
            moment(ended),
            lecture is not None and cut_short(lecture, booking, row, now),
            words(lecture) if lecture is not None and lecture.booking == booking.key else None,
        )

    def _read(self, now: Now) -> None:
        """What cannot be read stays as it was; a calendar that is not configured any more, goes."""
        found: list[Calendar] = []
        for name in self._store.names():
            try:
                calendar = self._store.calendar(name)
            except BadStore as error:
                self._tell(name, str(error), now)
                calendar = None
            if calendar is None or (calendar.kind == "url" and name not in self._configured):
                continue
            self._tell(name, calendar.trouble, now)
            found.append(calendar)
        try:
            skipped = self._store.skipped()
        except BadStore as error:
            self._tell("skipped", str(error), now)
            skipped = self._held.skipped
        self._held = Held(tuple(everything(found)), skipped)
        self._by_key = {booking.key: booking for booking in self._held.bookings}
        self._starts = [booking.starts for booking in self._held.bookings]

    def _troubles(self) -> list[str]:
        return [text for name, text in sorted(self._told.items()) if name and text]

    def _tell(self, name: str, text: str, now: Now) -> None:
        """An event for each new trouble, and one when it is over."""
        if self._told.get(name, "") == text:
            return
        what = f"calendar {name}: " if name else ""
        self._ledger.add_event(now, "timetable", what + (text or "is in order again"))
        self._told[name] = text


def _outcome(row: BookingRow) -> Outcome | None:
    """A word of another version: what has a lecture has begun, and does not begin once more."""
    try:
        return Outcome(row.outcome)
    except ValueError:
        return Outcome.BEGUN if row.lecture else None


def _shown(entry: Entry, it: Situation) -> dict[str, Any]:
    booking, mine = entry.booking, it.running is not None
    return {
        "id": short(booking.key),
        "title": booking.title,
        "course": booking.course,
        "lecturer": booking.lecturer,
        "language": booking.language,
        "starts_utc": rfc3339(booking.starts),
        "ends_utc": rfc3339(booking.ends),
        "recording": mine and it.running is not None and it.running.booking == booking.key,
        "outcome": str(entry.outcome or ""),
        "reason": entry.reason,
    }


def _utc(mono_ns: int | None, now: Now) -> datetime | None:
    return None if mono_ns is None else now.utc - span(now.mono_ns - mono_ns)
