"""When booked lectures begin and end by themselves, and whether an interrupted one goes on. Pure.

`docs/timetable.md` tells the rules in people's words. What carries them all: recording too much can
be mended, recording nothing cannot; people go before the timetable; and what became of a booking is
durable, so that none begins twice, whatever crashes and wherever the clock jumps.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from edge_agent.rules import actions as do
from edge_agent.rules.bookings import (
    LEAST_REST,
    Entry,
    Outcome,
    Running,
    Situation,
    due,
    lasts,
    latest_end,
    named,
    new_words,
    series_of,
    settled,
)
from edge_agent.rules.steady import STEP

#: A lecture that people begin so much before a booking is that booking's.
EARLY = timedelta(minutes=15)
#: Where calendar or clock move an end, it lies at least so far ahead: a mistake can be noticed.
SOON = timedelta(minutes=5)
#: While somebody speaks a lecture goes on by so much at a time, decided just before its end.
MORE = timedelta(minutes=5)
JUST_BEFORE = timedelta(seconds=3)

# ---------------------------------------------------------------- after an interruption


def goes_on(
    now: datetime,
    until: datetime | None,
    last_write: datetime,
    patience: timedelta,
    clock_trusted: bool = True,
) -> bool:
    """True: record on in the same lecture. False: finish it with what there is.

    With a planned end the lecture goes on until then. Without one it goes on when the last write
    is recent. A last write in the future means that the clock was reset by the outage: recording
    too much can be mended, recording nothing cannot, so it goes on. The same holds for a planned
    end that an untrusted clock seems to have passed shortly after the last write.
    """
    recent = now - last_write < patience
    if until is None:
        return recent
    if now < until:
        return True
    return not clock_trusted and recent and last_write < until


def goes_on_in_this_boot(
    now_ns: int, last_ns: int, until_ns: int, planned: bool, patience: timedelta
) -> bool:
    """The same in one boot, in lecture time alone: whoever sets the clock cannot end a lecture."""
    if now_ns >= until_ns:
        return False
    return planned or now_ns - last_ns < patience.total_seconds() * 1e9


def utc_of(mono_ns: int, now_ns: int, now: datetime) -> datetime:
    """The UTC of a monotonic time of this boot, by the clock as it is set now."""
    return now - timedelta(microseconds=(now_ns - mono_ns) / 1000)


def rebased_ns(last_ns: int, last_write: datetime, now: datetime) -> int:
    """Lecture time now, for a lecture whose epoch lies in an earlier boot.

    The monotonic clock began anew, so the wall clock must say how long the machine was off. It is
    believed within a day; otherwise a second is assumed. Nothing depends on it being right: a
    stretch that no track has recorded is collapsed in the package.
    """
    off = now - last_write
    believable = timedelta(seconds=1) <= off <= timedelta(days=1)
    seconds = off.total_seconds() if believable else 1.0
    return last_ns + int(seconds * 1e9)


# ---------------------------------------------------------------- bookings


def decide(it: Situation) -> do.Action | None:
    """The next step, if there is one. On a clock that was never set nothing is decided."""
    if not it.clock_set:
        return None
    steps = _with_lecture(it, it.running) if it.running else _without_lecture(it)
    return next(steps, None) or next(_renamed(it), None) or next(_missed(it), None)


def _renamed(it: Situation) -> Iterator[do.Action]:
    """A lecture is called what its calendar calls it, also afterwards."""
    for entry in it.renamed:
        if new_words(entry):
            yield do.TakeWords(entry.lecture, entry.booking.key)


# ---------------------------------------------------------------- nothing is being recorded


def _without_lecture(it: Situation) -> Iterator[do.Action]:
    for entry in due(it):
        if not it.hindrance:
            yield do.BeginBooked(entry.booking.key)
        yield from _hindered(entry, it.hindrance, "")


def _hindered(entry: Entry, reason: str, lecture: str) -> Iterator[do.Action]:
    known = (entry.outcome, entry.reason, entry.lecture, entry.starts_then)
    if known != (Outcome.HINDERED, reason, lecture, entry.booking.starts):
        yield do.NoteBooking(entry.booking.key, Outcome.HINDERED, reason, lecture)


# ---------------------------------------------------------------- a lecture is under way


def _with_lecture(it: Situation, run: Running) -> Iterator[do.Action]:
    mine = next((e for e in it.near if e.booking.key == run.booking), None)
    if mine is not None and _still(mine, run):
        yield from _booked(it, run, mine)
    else:
        yield from _unbooked(it, run)


def _still(mine: Entry, run: Running) -> bool:
    """Its booking may have been moved; where it does not meet the lecture, it is another one."""
    if mine.starts_then == mine.booking.starts:
        return True
    ends = run.ends or run.began
    return mine.booking.starts < ends and run.began < mine.booking.ends


def _booked(it: Situation, run: Running, mine: Entry) -> Iterator[do.Action]:
    outcome = Outcome.BEGUN if it.now >= mine.booking.starts else Outcome.EARLY
    kept = mine.outcome is Outcome.BEGUN and mine.starts_then == mine.booking.starts
    if not kept and (mine.outcome, mine.starts_then) != (outcome, mine.booking.starts):
        yield do.NoteBooking(run.booking, outcome, "", run.lecture)
    yield from _moved_end(it, run, mine)
    yield from _overrun(it, run, mine.booking.ends)
    for entry in due(it):
        past_its_time = it.now >= mine.booking.ends and not _about_to_end(it, run)
        if entry.booking.starts == mine.booking.starts and entry.booking.ends <= mine.booking.ends:
            yield do.NoteBooking(entry.booking.key, Outcome.COVERED, "", run.lecture)
        elif past_its_time and not it.hindrance:
            yield _give_way(run, entry)
        elif not _about_to_end(it, run):
            yield from _hindered(entry, "another lecture was being recorded", run.lecture)


def _moved_end(it: Situation, run: Running, mine: Entry) -> Iterator[do.Action]:
    """The end follows the calendar and a clock that was set, but what people set is never earlier.

    Without an end (people have taken the stop back) there is nothing to follow.
    """
    if run.until is None or run.ends is None:
        return
    booked = mine.booking.ends
    if booked != run.booked_until:
        wanted = booked if run.until == run.booked_until else max(run.until, booked)
        why = "its booking has been changed"
    elif it.trust == "synchronised" and abs(run.ends - run.until) > STEP:
        wanted, why = run.until, "the clock has been set"
    else:
        return
    soonest = min(it.now + SOON, run.ends)
    yield do.MoveEnd(run.lecture, max(wanted, soonest), booked, why)


def goes_on_until(it: Situation) -> datetime | None:
    """Up to when the lecture under way goes on while somebody speaks; None: it does not."""
    run = it.running
    if run is None or run.until is None or run.paused:
        return None
    mine = next((e for e in it.near if e.booking.key == run.booking and _still(e, run)), None)
    most = (mine.booking.ends if mine else _meant(it, run, run.until)) + it.overrun
    latest = min(most, latest_end(it) or most)
    return latest if latest - run.until > STEP else None


def _meant(it: Situation, run: Running, until: datetime) -> datetime:
    """The end that people set for a lecture without a booking, before somebody spoke on."""
    first = run.booked_until
    return first if first is not None and first <= until <= first + it.overrun else until


def _overrun(it: Situation, run: Running, meant: datetime | None) -> Iterator[do.Action]:
    """Somebody still speaks at the end that was meant: some minutes more."""
    latest = goes_on_until(it)
    if latest is None or run.until is None or meant is None:
        return
    if it.speaking and _about_to_end(it, run):
        end = min(run.until + MORE, latest)
        yield do.MoveEnd(run.lecture, end, meant, "somebody still speaks")


def _about_to_end(it: Situation, run: Running) -> bool:
    return run.ends is not None and run.ends - it.now <= JUST_BEFORE


def _unbooked(it: Situation, run: Running) -> Iterator[do.Action]:
    """People began it, or its booking is gone: which booking is it, or must it give way to one?"""
    yield from _overrun(it, run, _meant(it, run, run.until) if run.until else None)
    fits = [entry for entry in it.near if _fits(entry, run, it.now)]
    fits.sort(key=lambda e: (settled(e), abs(e.booking.starts - run.began)))
    for entry in fits[:1]:
        if _same(entry, run):
            yield _adopt(it, run, entry)
        elif entry.booking.starts <= it.now and not settled(entry, run.lecture):
            if it.hindrance:
                yield from _hindered(entry, it.hindrance, run.lecture)
            else:
                yield _give_way(run, entry)


def _fits(entry: Entry, run: Running, now: datetime) -> bool:
    booking = entry.booking
    early = booking.starts - EARLY <= run.began
    if entry.skipped or booking.key == run.booking or not lasts(entry, now):
        return False
    if settled(entry, run.lecture):  # begun anew by people, within the time of a booking
        return booking.starts <= run.began
    return early or booking.starts <= now


def _same(entry: Entry, run: Running) -> bool:
    """Is it the booking's lecture? Another lecturer's is not, nor one that was left paused."""
    booking = entry.booking
    if run.booking:
        return series_of(booking.key) == series_of(run.booking)
    if run.paused and run.began < booking.starts - EARLY:
        return False
    one, other = run.lecturer.strip().casefold(), booking.lecturer.strip().casefold()
    return not one or not other or one == other


def _adopt(it: Situation, run: Running, entry: Entry) -> do.Action:
    """An end that people set for a part of the booking stays; any other gives way to the later."""
    booking = entry.booking
    until = booking.ends
    if run.until is not None:
        part = not run.booking and run.began >= booking.starts
        until = run.until if part else max(run.until, booking.ends)
    outcome = Outcome.BEGUN if it.now >= booking.starts else Outcome.EARLY
    return do.Adopt(run.lecture, booking.key, outcome, until)


def _give_way(run: Running, entry: Entry) -> do.Action:
    return do.Stop(None, run.lecture, f"the booking {named(entry.booking)} begins")


# ---------------------------------------------------------------- what was missed


def _missed(it: Situation) -> Iterator[do.Action]:
    running = it.running.lecture if it.running else ""
    for entry in it.past:
        booking = entry.booking
        if booking.ends > it.now or entry.skipped or settled(entry, running):
            continue
        if booking.known is not None and booking.known >= booking.ends:
            continue  # it was over before this room heard of it
        if entry.outcome is Outcome.MISSED and entry.starts_then == booking.starts:
            continue
        if entry.outcome is Outcome.HINDERED and entry.lecture:
            yield do.NoteBooking(booking.key, Outcome.COVERED, "", entry.lecture)
        else:
            yield do.NoteBooking(booking.key, Outcome.MISSED, _why_missed(it, entry), "")


def _why_missed(it: Situation, entry: Entry) -> str:
    booking = entry.booking
    if entry.outcome is Outcome.HINDERED:
        return entry.reason
    if it.up_since is not None and booking.ends <= it.up_since + LEAST_REST:
        return "this PC, or its agent, was off"
    if it.clock_since is not None and booking.ends <= it.clock_since + LEAST_REST:
        return "the clock of this PC was not set"
    return "it was over, or nearly so, before this room heard of it"
