"""A lecture as the timetable sees it: when it ends by the clock of now, and whose words it has."""

from __future__ import annotations

from datetime import datetime, timedelta

from edge_agent.clock import Now
from edge_agent.ledger_bookings import STOPPED
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules.bookings import NAMED, Booking, Running, Words
from edge_agent.rules.foreign import read_json, table
from edge_agent.rules.lecture import State
from edge_agent.rules.moments import moment
from edge_agent.rules.timeline import START_NS

#: Less than this, where clock or calendar change afterwards, is not worth a second lecture.
SOON = timedelta(minutes=5)


def running(lecture: Lecture, now: Now) -> Running:
    """By the clock as it is now: lecture time knows nothing of its jumps."""
    elapsed_ns = lecture.lecture_ns(now.mono_ns)
    ends = None
    if lecture.until_ns is not None:
        ends = now.utc + span(lecture.until_ns - elapsed_ns)
    return Running(
        lecture=lecture.id,
        began=now.utc - span(elapsed_ns - START_NS),
        ends=ends,
        until=moment(lecture.until_utc),
        booking=lecture.booking,
        booked_until=moment(lecture.booked_until_utc),
        lecturer=lecture.lecturer,
        paused=lecture.state is State.PAUSED,
    )


def cut_short(lecture: Lecture, booking: Booking, row: BookingRow, now: Now) -> bool:
    """It ended by itself, but by the calendar or a clock that was set since then it is not over."""
    until, booked = lecture.until_utc, lecture.booked_until_utc
    if lecture.ended_utc is None or row.reason == STOPPED or until is None or booked is None:
        return False
    longer = datetime.fromisoformat(booked) < booking.ends
    # An end before the booking's was what people wanted, and came by whatever clock.
    doubtful = until >= booked and lecture.end_trust != "synchronised"
    wrong = doubtful and now.trust == "synchronised"
    return (longer or wrong) and now.utc + SOON < booking.ends


def words(lecture: Lecture) -> Words | None:
    """None: its words are gone with it, or it began before anybody noted whose they are."""
    if lecture.state in (State.PURGED, State.MISSED) or not lecture.booked_words:
        return None
    said = {name: str(getattr(lecture, name)) for name in NAMED}
    try:
        return Words(said, table(read_json(lecture.booked_words)))
    except (ValueError, RecursionError):  # not ours: nobody knows whose its words are
        return None


def span(ns: int) -> timedelta:
    return timedelta(microseconds=ns / 1000)
