"""How fast may be sent, by weekday and hour, in rclone's grammar (`--bwlimit`). Pure.

    512k                                       always 512 KiB/s
    08:00,256k 18:00,off                       every day: 256 KiB/s by day, no limit from 18:00 on
    Mon-08:00,pause Fri-18:00,off              a week: nothing from Monday 08:00, free from Friday

A rate is bytes per second with a suffix B, K (or none), M, G in powers of 1024; `off` (or 0) is
no limit. `pause` is ours: nothing is sent. Of a pair such as `256k:1M` the first counts: it is the
way up. The entry that began last rules, also the one of last week.

Source: rclone, "Options", `--bwlimit BwTimetable` (https://rclone.org/docs/#bwlimit-bwtimetable).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: Bytes, and bytes a second: a thousand tebibytes. The ledger can hold more, people cannot.
MOST = 1 << 50
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_UNITS = {"b": 1, "": 1 << 10, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_RATE = re.compile(r"(\d+(?:\.\d+)?)(b|k|m|g)?(?:i?b?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:.*-)?\d{1,2}:\d{2}")
_ENTRY = re.compile(r"(?:([A-Za-z]+)-)?(\d{1,2}):(\d{2}),(\S+)")


class LimitsError(ValueError):
    """A timetable that cannot be read; the text says which entry and what is meant."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Bytes per second at most; None is no limit, 0 is a pause."""

    rate: int | None

    @property
    def pauses(self) -> bool:
        return self.rate == 0

    def __str__(self) -> str:
        if self.rate is None:
            return "off"
        if self.rate == 0:
            return "pause"
        for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("k", 1 << 10)):
            if self.rate % size == 0:
                return f"{self.rate // size}{unit}"
        return f"{self.rate}B"


UNLIMITED = Limit(None)


@dataclass(frozen=True, slots=True)
class Limits:
    """A week: `minutes` since Monday 00:00, ascending, and the limit that begins at each."""

    minutes: tuple[int, ...]
    limits: tuple[Limit, ...]

    @classmethod
    def parse(cls, text: str) -> Limits:
        """Raises LimitsError."""
        entries = text.replace(";", " ").split()
        if not entries:
            raise LimitsError("is empty; write 'off' for no limit")
        if len(entries) == 1 and "," not in text and not _CLOCK.fullmatch(entries[0]):
            return cls((0,), (limit_of(entries[0]),))
        week = {minute: limit for entry in entries for minute, limit in _slots(entry)}
        minutes = tuple(sorted(week))
        return cls(minutes, tuple(week[minute] for minute in minutes))

    def at(self, local: datetime) -> Limit:
        """What holds at a local time."""
        return self.limits[bisect_right(self.minutes, _minute(local)) - 1]

    def strictest(self) -> Limit:
        """What holds when nobody knows the time."""
        return min(
            self.limits, key=lambda limit: float("inf") if limit.rate is None else limit.rate
        )

    def next_change(self, local: datetime) -> datetime | None:
        """When another limit begins, by the wall clock; None when it is always the same."""
        now, holds = _minute(local), self.at(local)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        for ahead in sorted(((m - now - 1) % _WEEK_MINUTES) + 1 for m in self.minutes):
            start = midnight + timedelta(minutes=local.hour * 60 + local.minute + ahead)
            if self.at(start) != holds:
                return start
        return None


def _minute(local: datetime) -> int:
    return local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute


def _slots(entry: str) -> list[tuple[int, Limit]]:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise LimitsError(f"{entry!r} is not like '08:00,512k' or 'Mon-08:00,512k'")
    day, hour, minute, rate = match.group(1), int(match[2]), int(match[3]), match[4]
    if hour > 23 or minute > 59:
        raise LimitsError(f"{entry!r}: {hour:02}:{minute:02} is no time of the day")
    start = hour * 60 + minute
    limit = limit_of(rate)
    if day is None:
        return [(number * _DAY_MINUTES + start, limit) for number in range(len(DAYS))]
    return [(_day(day, entry) * _DAY_MINUTES + start, limit)]


def _day(text: str, entry: str) -> int:
    for number, day in enumerate(DAYS):
        if text.lower().startswith(day.lower()):
            return number
    raise LimitsError(f"{entry!r}: {text!r} is no weekday; the days are {', '.join(DAYS)}")


def limit_of(text: str) -> Limit:
    """A single rate, `off` or `pause`. Raises LimitsError."""
    up = text.partition(":")[0].lower()
    if up == "off":
        return UNLIMITED
    if up == "pause":
        return Limit(0)
    match = _RATE.fullmatch(up)
    if match is None:
        raise LimitsError(f"{text!r} is no rate; write 512k, 2M, off or pause")
    rate = _bytes(match)
    if rate > MOST:
        raise LimitsError(f"{text!r} is more than any line has; write off for no limit")
    return Limit(int(rate)) if int(rate) else UNLIMITED


def amount_of(text: str) -> int | None:
    """A number of bytes in the same words, such as 500M or 20G; None is `off`. LimitsError."""
    match = _RATE.fullmatch(text)
    amount = _bytes(match) if match else 0.0
    if text.lower() != "off" and not 0 < amount <= MOST:
        raise LimitsError(f"{text!r} is no amount; write 500M, 20G or off")
    return int(amount) if match else None


def _bytes(match: re.Match[str]) -> float:
    """Of what `_RATE` has found; infinite where that has hundreds of digits."""
    return float(match[1]) * _UNITS[(match[2] or "").lower()]
