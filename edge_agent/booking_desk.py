"""Carry out what the timetable leads to: what became of a booking is stored with its lecture.

One transaction for both: a booking whose lecture exists is begun, and after a crash at any moment
it either is, or will begin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edge_agent import lecture_file
from edge_agent.clock import Now, rfc3339
from edge_agent.lecture_start import DETAILS, LectureStart
from edge_agent.ledger import Ledger
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.bookings import NAMED, Booking, Outcome, named, new_words
from edge_agent.schedule_watch import ScheduleWatch
from edge_agent.spool import Spool

#: What became of a booking, in the words of the room's story.
_WORDS = {
    Outcome.HINDERED: "cannot begin: {reason}",
    Outcome.MISSED: "was missed: {reason}",
    Outcome.COVERED: "was recorded in the lecture of another booking",
}


class BookingDesk:
    """The effects of the actions that concern bookings."""

    def __init__(
        self, spool: Spool, ledger: Ledger, start: LectureStart, watch: ScheduleWatch
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._start = start
        self._watch = watch

    @property
    def effects(self) -> dict[type, Callable[[Any, Now], None]]:
        return {
            do.BeginBooked: self.begin,
            do.Adopt: self.adopt,
            do.MoveEnd: self.move_end,
            do.TakeWords: self.take_words,
            do.NoteBooking: self.note,
        }

    def begin(self, action: do.BeginBooked, now: Now) -> None:
        """A lecture like any other, with the booking's name and end. Raises OSError."""
        booking, now = self._watch.booking(action.booking), self._watch.steady(now)
        lecture = self._start.draft(_details(booking), booking.ends, now, _columns(booking))
        lecture = replace(lecture, booked_words=_taken(lecture, NAMED))
        late = (now.utc - booking.starts).total_seconds()
        text = f"the booking {named(booking)} begins"
        text += f", {late / 60:.0f} min late" if late >= 60 else ""
        try:
            tracks = self._start.put_down(lecture)
        except OSError as error:
            self._hinder(booking, f"the disk refuses: {error.strerror or error}", now)
            raise
        with self._ledger.transaction():
            self._start.enter(lecture, tracks)
            self._settle(booking, Outcome.BEGUN, "", lecture.id)
            self._ledger.add_event(now, "booking begun", text, lecture.id)
        self._watch.look_again()

    def _hinder(self, booking: Booking, reason: str, now: Now) -> None:
        known = self._ledger.booking_rows([booking.key]).get(booking.key)
        if known is None or known.reason != reason:
            self.note(do.NoteBooking(booking.key, Outcome.HINDERED, reason, ""), now)

    def adopt(self, action: do.Adopt, now: Now) -> None:
        """The lecture under way becomes the booking's; what people said of it stays."""
        booking, lecture = self._watch.booking(action.booking), self._existing(action.lecture)
        details = _details(booking)
        columns: dict[str, Any] = {
            name: details[name] for name in DETAILS if not getattr(lecture, name) and details[name]
        }
        unsaid = [name for name in NAMED if not getattr(lecture, name)]
        columns["booked_words"] = _taken(replace(lecture, **columns), unsaid)
        columns |= _columns(booking) | self._end(lecture, action.until, now)
        self._change(lecture, columns)
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **columns)
            self._settle(booking, Outcome(action.outcome), "", lecture.id)
            text = f"it is the lecture of the booking {named(booking)}"
            self._ledger.add_event(now, "booking begun", text, lecture.id)
        self._watch.look_again()

    def move_end(self, action: do.MoveEnd, now: Now) -> None:
        lecture = self._existing(action.lecture)
        columns = self._end(lecture, action.until, now)
        columns["booked_until_utc"] = rfc3339(action.booked_until)
        self._change(lecture, columns)
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **columns)
            text = f"{action.why}: it ends at {columns['until_utc']}"
            self._ledger.add_event(now, "end moved", text, lecture.id)
        self._watch.look_again()

    def take_words(self, action: do.TakeWords, now: Now) -> None:
        """As an edit by people, so that also a package that has been sent is told anew."""
        entry = self._watch.entry(action.booking, now)
        if entry is None or entry.lecture != action.lecture or entry.words is None:
            return
        words, lecture = new_words(entry), self._existing(action.lecture)
        taken = json.dumps({**entry.words.taken, **words}, ensure_ascii=False)
        columns: dict[str, Any] = {**words, "booked_words": taken}
        self._change(lecture, columns)
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **columns, edits=lecture.edits + 1)
            text = "its calendar says now: " + ", ".join(f"{k} {v!r}" for k, v in words.items())
            self._ledger.add_event(now, "words changed", text, lecture.id)
        self._watch.look_again()

    def note(self, action: do.NoteBooking, now: Now) -> None:
        booking, outcome = self._watch.booking(action.booking), Outcome(action.outcome)
        with self._ledger.transaction():
            self._settle(booking, outcome, action.reason, action.lecture)
            if outcome in _WORDS:
                words = _WORDS[outcome].format(reason=action.reason)
                text = f"the booking {named(booking)} {words}"
                self._ledger.add_event(now, f"booking {outcome}", text, action.lecture or None)
        self._watch.look_again()

    def _settle(self, booking: Booking, outcome: Outcome, reason: str, lecture: str) -> None:
        starts, ends = rfc3339(booking.starts), rfc3339(booking.ends)
        self._ledger.note_booking(
            BookingRow(booking.key, starts, ends, str(outcome), booking.title, reason, lecture)
        )

    def _existing(self, lecture: str) -> Lecture:
        return self._ledger.existing(lecture)

    def _end(self, lecture: Lecture, until: datetime, now: Now) -> dict[str, Any]:
        """The same end in lecture time and in UTC."""
        left = until - self._watch.steady(now).utc
        until_ns = lecture.lecture_ns(now.mono_ns) + round(left.total_seconds() * 1e9)
        return {"until_ns": until_ns, "until_utc": rfc3339(until)}

    def _change(self, lecture: Lecture, columns: dict[str, Any]) -> None:
        """The file first: a ledger that is lost is filled from it. Raises OSError."""
        path = self._spool.facts(lecture.id)
        lecture_file.write(path, replace(lecture, **columns), self._ledger.tracks(lecture.id))


def _details(booking: Booking) -> dict[str, str]:
    return {name: str(getattr(booking, name, "")) for name in DETAILS}


def _taken(lecture: Lecture, names: Iterable[str]) -> str:
    """What it says that people have not: it may change with the calendar."""
    return json.dumps({name: getattr(lecture, name) for name in names}, ensure_ascii=False)


def _columns(booking: Booking) -> dict[str, Any]:
    return {
        "booking": booking.key,
        "booked_from_utc": rfc3339(booking.starts.astimezone(UTC)),
        "booked_until_utc": rfc3339(booking.ends.astimezone(UTC)),
    }
