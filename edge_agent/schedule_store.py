"""The room's copy of the timetable: one durable file for each calendar, in the spool.

Files, and not rows of the ledger: a ledger that is lost is built anew from the spool, and a room
that is offline for weeks must not forget its timetable then. Each file is replaced as a whole by
whoever feeds that calendar (a file that people import, an address that is asked, a platform); the
supervisor only reads. Nothing here knows where bookings come from.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.clock import rfc3339
from edge_agent.durable import make_folder_durably, remove_durably, write_durably
from edge_agent.rules.bookings import Booking
from edge_agent.rules.foreign import read_json
from edge_agent.rules.moments import moment

VERSION = 1
#: Those that people enter one by one.
BY_HAND = "by-hand"
#: More than any room holds in a year; a calendar with more is cut, and says so.
MOST_BOOKINGS = 5000
#: What is over is kept so long: a room that was off must say what it has missed.
KEEP_PAST = timedelta(days=35)
#: Longer ones are no lectures but mistakes.
LONGEST = timedelta(hours=24)
MOST_LETTERS = 300
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PREFIX = "calendar-"
_SKIPPED = "skipped.json"


@dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar's bookings, in order of their starts, and what is known of the copy."""

    name: str
    #: "hand", "file", "url"; others may come.
    kind: str
    bookings: tuple[Booking, ...] = ()
    #: When it was last asked for, and when its answer was last taken over.
    checked_utc: str = ""
    changed_utc: str = ""
    #: Up to when repeated lectures were reckoned.
    until_utc: str = ""
    #: The server's own mark of this version, and a hash of what it was made of.
    etag: str = ""
    sha256: str = ""
    #: Why the last answer was not taken over, and what was left out of the one that was.
    trouble: str = ""
    notes: tuple[str, ...] = ()


class BadStore(Exception):
    """A file of the store is not what was written there; the text names it."""


class ScheduleStore:
    """The folder `schedule` of a spool. Raises OSError where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stamp(self) -> tuple[tuple[str, int, int, int], ...]:
        """Changes when a file has been replaced; cheap enough for each second."""
        found = []
        for path in (*self._files(), self._folder / _SKIPPED):
            try:
                it = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.name, it.st_ino, it.st_size, it.st_mtime_ns))
        return tuple(found)

    def names(self) -> list[str]:
        return [path.stem.removeprefix(_PREFIX) for path in self._files()]

    def calendar(self, name: str) -> Calendar | None:
        """Raises BadStore, OSError."""
        path = self._path(name)
        try:
            return _calendar(name, read_json(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadStore(f"{path} is damaged ({error})") from None

    def skipped(self) -> frozenset[str]:
        """The keys of bookings that people do not want recorded. Raises BadStore, OSError."""
        path = self._folder / _SKIPPED
        try:
            found = read_json(path.read_bytes())
            return frozenset(str(key) for key in found["skipped"])
        except FileNotFoundError:
            return frozenset()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadStore(f"{path} is damaged ({error})") from None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        make_folder_durably(self._folder)
        self._own(self._folder)
        lock = self._folder / "lock"
        with lock.open("a") as file:
            self._own(lock)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def put(self, calendar: Calendar) -> None:
        """Durable on return. Only inside `changing`."""
        columns = {name: getattr(calendar, name) for name in _FACTS}
        document = {
            "version": VERSION,
            **columns,
            "notes": list(calendar.notes),
            "bookings": [_row(booking) for booking in calendar.bookings],
        }
        self._write(self._path(calendar.name).name, document)

    def drop(self, name: str) -> None:
        """Forget a calendar with all its bookings. Only inside `changing`."""
        remove_durably(self._path(name))

    def skip(self, key: str, on: bool) -> None:
        """Whether a booking is to be left out. Only inside `changing`."""
        try:
            before = self.skipped()
        except BadStore:
            before = frozenset()  # nothing of it could be used
        keys = before | {key} if on else before - {key}
        known = {b.key for name in self.names() if (c := self._sound(name)) for b in c.bookings}
        keep = sorted(each for each in keys if each in known or each == key)
        self._write(_SKIPPED, {"version": VERSION, "skipped": keep})

    def _sound(self, name: str) -> Calendar | None:
        try:
            return self.calendar(name)
        except BadStore:
            return None

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_PREFIX}*.json"))

    def _path(self, name: str) -> Path:
        return self._folder / f"{_PREFIX}{name}.json"

    def _write(self, name: str, document: dict[str, Any]) -> None:
        data = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace")
        write_durably(self._folder / name, data, mode=0o640, owner=self._owner())

    def _owner(self) -> tuple[int, int] | None:
        """Root's commands leave files that the agent can read."""
        if os.geteuid() != 0:
            return None
        found = self._folder.parent.stat()
        return found.st_uid, found.st_gid

    def _own(self, path: Path) -> None:
        owner = self._owner()
        if owner is not None:
            os.chown(path, *owner)


#: Facts of a calendar that are plain text.
_FACTS = (
    "kind",
    "checked_utc",
    "changed_utc",
    "until_utc",
    "etag",
    "sha256",
    "trouble",
)
_TEXTS = ("title", "course", "lecturer", "language")


def merged(old: Calendar | None, new: Calendar, now: datetime) -> Calendar:
    """`new` in place of `old`: what is over stays when it was, whatever the calendar says now.

    A booking that is known already keeps the time since when it is.
    """
    before = {b.key: b for b in old.bookings} if old is not None else {}
    fresh = {b.key: b for b in new.bookings}
    over = {
        key: _called(b, fresh.get(key))
        for key, b in before.items()
        if b.ends <= now and now - b.ends < KEEP_PAST and _is_over(fresh.get(key), now)
    }
    known = {
        key: replace(b, known=before[key].known if key in before else now)
        for key, b in fresh.items()
        if now - b.ends < KEEP_PAST
    }
    ordered = sorted((known | over).values(), key=lambda b: (b.starts, b.ends, b.key))
    return replace(new, bookings=tuple(ordered))


def _called(before: Booking, fresh: Booking | None) -> Booking:
    """What it is called may change, also when it is over."""
    texts: dict[str, Any] = {name: getattr(fresh, name, "") for name in _TEXTS}
    return replace(before, **{name: text for name, text in texts.items() if text})


def _is_over(fresh: Booking | None, now: datetime) -> bool:
    """A booking that was over and has been moved to a later time is not."""
    return fresh is None or fresh.ends <= now


def short(key: str) -> str:
    """How people call a booking: eight letters that depend on its key alone."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _row(booking: Booking) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": booking.key,
        "starts_utc": rfc3339(booking.starts),
        "ends_utc": rfc3339(booking.ends),
    }
    row |= {name: getattr(booking, name) for name in _TEXTS if getattr(booking, name)}
    if booking.known is not None:
        row["known_utc"] = rfc3339(booking.known)
    return row


def _calendar(name: str, found: dict[str, Any]) -> Calendar:
    if found["version"] != VERSION:
        raise ValueError(f"version {found['version']!r} is not known here")
    return Calendar(
        name=name,
        **{fact: str(found[fact]) for fact in _FACTS},
        notes=tuple(str(note) for note in found["notes"]),
        bookings=tuple(sorted(map(booking_of, found["bookings"]), key=lambda b: b.starts)),
    )


def booking_of(row: dict[str, Any]) -> Booking:
    """A booking as it stands in a file. Raises ValueError, KeyError, TypeError."""
    known = row.get("known_utc")
    booking = Booking(
        key=str(row["key"]),
        starts=_moment(row["starts_utc"]),
        ends=_moment(row["ends_utc"]),
        known=_moment(known) if known else None,
        **{name: str(row.get(name, ""))[:MOST_LETTERS] for name in _TEXTS},
    )
    if not timedelta(0) < booking.ends - booking.starts <= LONGEST:
        raise ValueError(f"the booking {booking.key!r} lasts no lecture's time")
    return booking


def _moment(text: object) -> datetime:
    found = moment(text)
    if found is None:
        raise ValueError(f"{text!r} is no time with its zone, of a year that clocks show")
    return found


def everything(calendars: Iterable[Calendar]) -> list[Booking]:
    """The bookings of several calendars in order of their starts."""
    found = [booking for calendar in calendars for booking in calendar.bookings]
    return sorted(found, key=lambda b: (b.starts, b.key))
