"""Read one calendar: `python -m edge_agent.calendar_reader REQUEST`, iCalendar on stdin, JSON out.

A process of its own with a limit of memory and of processor time, because a calendar is strangers'
words: a rule without an end or a file of a million events must cost nobody but this process. The
only module that loads icalendar, which with its zones takes half a second.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from edge_agent.clock import rfc3339
from edge_agent.rules.foreign import line
from edge_agent.schedule_store import LONGEST, MOST_BOOKINGS, MOST_LETTERS

#: What a calendar of the largest allowed size needs, and several times that.
MOST_MEMORY = 1 << 30
MOST_CPU_S = 40
#: A booking every hour is a mistake or an attack; what it would fill is the year.
_SENSELESS = {"SECONDLY", "MINUTELY", "HOURLY"}
#: How the library and the dates below it fail on what people write.
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError)
_NEEDED = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
#: To icalendar's types each property of an event can be anything.
AnyEvent: TypeAlias = Any
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


class NoCalendar(Exception):
    """What was read is no calendar; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """`name` is the calendar's; an event counts if its place is `location`, where that is asked."""

    name: str
    since: datetime
    until: datetime
    #: Times without a zone are of this one; None: that of the computer.
    zone: ZoneInfo | None = None
    location: str = ""


@dataclass(slots=True)
class Found:
    """Bookings as they stand in the store's files; what was left out or doubtful, and how often."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


def read(text: bytes, request: Request) -> Found:
    """Every booking of a calendar within the time asked for. Raises NoCalendar."""
    found = Found()
    series: defaultdict[str, list[AnyEvent]] = defaultdict(list)
    calendar = _calendar(text, found)
    for number, event in enumerate(calendar.walk("VEVENT")):
        if why := _senseless(event):
            found.notes[why] += 1
            continue
        if zone := _unknown_zone(event["DTSTART"]):
            found.notes[f"events in {zone}, which is not known; taken for the room's zone"] += 1
        series[_clean(event.get("UID")) or f"event {number}"].append(event)
    own_zone = calendar.get("X-WR-TIMEZONE")
    for uid, events in series.items():
        try:
            rows = list(_bookings(uid, events, own_zone, request, found))
        except _FAULTS:
            found.notes["events that cannot be read"] += len(events)
            continue
        found.rows += rows
    once = {row["key"]: row for row in found.rows}
    found.rows = sorted(once.values(), key=lambda row: (row["starts_utc"], row["key"]))
    if len(found.rows) > MOST_BOOKINGS:
        more = len(found.rows) - MOST_BOOKINGS
        found.notes["bookings beyond the number that a room can hold"] += more
        del found.rows[MOST_BOOKINGS:]
    return found


def _calendar(text: bytes, found: Found) -> icalendar.Calendar:
    """As a whole, or, where a line breaks it, event by event."""
    head = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head[:15].upper().startswith(b"BEGIN:VCALENDAR"):
        begins = head[:40].decode("utf-8", "replace").split("\n")[0].strip()
        raise NoCalendar(f"this is no calendar: it begins with {begins!r}")
    if b"END:VCALENDAR" not in head[-200:].upper():
        raise NoCalendar("the calendar ends in the middle")
    try:
        return _one(icalendar.Calendar.from_ical(head))
    except _FAULTS:
        return _piecewise(head, found)


def _one(parsed: Any) -> icalendar.Calendar:
    if not isinstance(parsed, icalendar.Calendar):
        raise NoCalendar("this is no calendar")
    return parsed


def _piecewise(text: bytes, found: Found) -> icalendar.Calendar:
    whole = icalendar.Calendar()
    zones = b"".join(re.findall(rb"(?ms)^BEGIN:VTIMEZONE\r?$.*?^END:VTIMEZONE\r?\n", text))
    for event in re.findall(rb"(?ms)^BEGIN:VEVENT\r?$.*?^END:VEVENT\r?$", text):
        try:
            small = icalendar.Calendar.from_ical(
                b"BEGIN:VCALENDAR\r\n" + zones + event + b"\nEND:VCALENDAR\r\n"
            )
        except _FAULTS:
            found.notes["events that cannot be read"] += 1
            continue
        for part in _one(small).walk("VEVENT"):
            whole.add_component(part)
    return whole


def _senseless(event: AnyEvent) -> str:
    broken = {name for name, _ in event.errors}
    if broken & {*_NEEDED, None} or not _ordered(event.get("DTSTART"), event.get("DTEND")):
        return "events that cannot be read"
    rules = event.get("RRULE") or []
    for rule in rules if isinstance(rules, list) else [rules]:
        if str((rule.get("FREQ") or [""])[0]).upper() in _SENSELESS:
            return "events that repeat every hour or more often"
    return ""


def _ordered(starts: Any, ends: Any) -> bool:
    """One start, and one end at most, which is not before it."""
    if starts is None or isinstance(starts, list) or isinstance(ends, list):
        return False
    try:
        return ends is None or starts.dt <= ends.dt
    except TypeError:  # one of them has a zone, or a time of day, and the other has not
        return True


def _unknown_zone(moment: Any) -> str:
    named = _clean(moment.params.get("TZID"))
    return named if isinstance(moment.dt, datetime) and moment.dt.tzinfo is None else ""


def _bookings(
    uid: str, events: list[AnyEvent], zone: Any, request: Request, found: Found
) -> Iterator[dict[str, Any]]:
    calendar = icalendar.Calendar()
    if zone:
        calendar.add("X-WR-TIMEZONE", zone)
    for event in events:
        calendar.add_component(event)
    repeats = any(name in event for event in events for name in ("RRULE", "RDATE", "RECURRENCE-ID"))
    query = recurring_ical_events.of(calendar)
    for event in query.between(request.since, request.until):
        if request.location and _place(event) != request.location.strip().casefold():
            continue
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        starts, ends = _utc(event["DTSTART"], request), _utc(event["DTEND"], request)
        if starts is None or ends is None:
            found.notes["entries for whole days"] += 1
        elif not timedelta(minutes=1) <= ends - starts <= LONGEST:
            found.notes["events of less than a minute, or more than a day"] += 1
        else:
            at = _instance(event, request) if repeats else ""
            yield _row(request.name, uid, at, event, starts, ends)


def _utc(moment: Any, request: Request) -> datetime | None:
    """None: a whole day. A time without a zone is the room's."""
    at = moment.dt
    if not isinstance(at, datetime):
        return None
    if at.tzinfo is not None:
        return at.astimezone(UTC).replace(microsecond=0)
    local = at.replace(tzinfo=request.zone) if request.zone else at
    return local.astimezone(UTC).replace(microsecond=0)


def _instance(event: AnyEvent, request: Request) -> str:
    """Which lecture of its series it is: when it was to begin at first."""
    moment = event.get("RECURRENCE-ID") or event["DTSTART"]
    at = _utc(moment, request)
    return f"{at:%Y%m%dT%H%M%SZ}" if at else str(moment.dt)


def _row(
    name: str, uid: str, at: str, event: AnyEvent, starts: datetime, ends: datetime
) -> dict[str, Any]:
    people = [*_several(event.get("ORGANIZER")), *_chairs(event.get("ATTENDEE"))]
    names = [_clean(each.params.get("CN")) for each in people]
    categories = _several(event.get("CATEGORIES"))
    summary = event.get("SUMMARY")
    language = _clean(getattr(summary, "params", {}).get("LANGUAGE"))
    texts = {
        "title": _clean(summary),
        "course": _clean(next(iter(_words(categories)), "")),
        "lecturer": ", ".join(dict.fromkeys(n for n in names if n and "@" not in n)),
        "language": language if _LANGUAGE.fullmatch(language) else "",
    }
    return {
        "key": f"{name}:{_short(uid)}|{at}",
        "starts_utc": rfc3339(starts),
        "ends_utc": rfc3339(ends),
        **{field: text[:MOST_LETTERS] for field, text in texts.items() if text},
    }


def _place(event: AnyEvent) -> str:
    return _clean(event.get("LOCATION")).casefold()


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _words(categories: Iterable[Any]) -> Iterator[Any]:
    for each in categories:
        yield from getattr(each, "cats", [each])


def _chairs(attendees: Any) -> list[Any]:
    """Who speaks, where more than one does."""
    return [a for a in _several(attendees) if str(a.params.get("ROLE", "")).upper() == "CHAIR"]


def _clean(text: Any) -> str:
    """One line of what can be shown."""
    return line(str(text or "")[: 4 * MOST_LETTERS])


def _short(uid: str) -> str:
    """A UID may be as long as it likes, and hold what divides our keys."""
    plain = len(uid) <= 120 and "|" not in uid
    return uid if plain else f"sha256-{sha256(uid.encode()).hexdigest()[:32]}"


def _limited() -> None:
    """Before anything is read."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


def main(argv: list[str] | None = None) -> int:
    """The bookings as one JSON document; status 2 with a sentence when there is no calendar."""
    _limited()
    given = json.loads((sys.argv[1:] if argv is None else argv)[0])
    request = Request(
        given["name"],
        datetime.fromisoformat(given["since"]),
        datetime.fromisoformat(given["until"]),
        ZoneInfo(given["zone"]) if given["zone"] else None,
        given["location"],
    )
    try:
        found = read(sys.stdin.buffer.read(), request)
    except NoCalendar as error:
        print(json.dumps({"refused": str(error)}))
        return 0
    notes = [f"{count} {what}" for what, count in found.notes.items()]
    print(json.dumps({"bookings": found.rows, "notes": notes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
