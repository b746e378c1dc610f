"""A week of limits as one room keeps it: what opens, opens a little later than written. Pure.

The rooms of a fleet must not all begin at the same minute. So each is late by a time of its own
wherever more is allowed than before; what closes, closes at its minute.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from uploader.limits import DAYS, Limit, Limits

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
#: No stretch of the week loses more than this share of itself to being late.
MOST_OF_A_STRETCH = 0.25


@dataclass(frozen=True, slots=True)
class Timetable:
    """`late`: what opens, opens so much after its minute."""

    limits: Limits
    late: timedelta = timedelta(0)

    def at(self, local: datetime) -> Limit:
        """What holds at a local time: the stricter of what is written and what was just before."""
        return stricter(self.limits.at(local), self.limits.at(local - self.late))

    def next_change(self, local: datetime) -> datetime | None:
        """When another limit begins for this room; None when it is always the same."""
        holds, moment = self.at(local), local
        for _ in range(2 * len(self.limits.minutes)):
            starts = [self.limits.next_change(moment), self.limits.next_change(moment - self.late)]
            after = [starts[0], starts[1] and starts[1] + self.late]
            known = [each for each in after if each is not None]
            if not known:
                return None
            moment = min(known)
            if self.at(moment) != holds:
                return moment
        return None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one weekday, in minutes since its midnight, and the limit that holds in it."""

    day: str
    begin: int
    end: int
    limit: Limit


def stricter(one: Limit, other: Limit) -> Limit:
    """The lower of two."""
    if one.rate is None or other.rate is None:
        return other if one.rate is None else one
    return min(one, other, key=lambda limit: limit.rate or 0)


def lateness(room: str, spread: timedelta, limits: Limits) -> timedelta:
    """How late a room is: always the same for one room, any time up to `spread` for many.

    Seconds count: ten thousand rooms within ten minutes are seventeen a second.
    """
    shortest = min((each.end - each.begin for each in merged(limits)), default=_WEEK_MINUTES)
    most = min(spread, timedelta(minutes=shortest * MOST_OF_A_STRETCH))
    share = int.from_bytes(hashlib.sha256(room.encode()).digest()[:8]) / (1 << 64)
    return timedelta(seconds=int(most.total_seconds() * share))


def merged(limits: Limits) -> list[Stretch]:
    """The week in stretches of one limit, over midnights; one that holds always has no stretch."""
    starts = [
        (minute, limit)
        for index, (minute, limit) in enumerate(zip(limits.minutes, limits.limits, strict=True))
        if limit != limits.limits[index - 1]
    ]
    ends = [*(minute for minute, _ in starts[1:]), *(m + _WEEK_MINUTES for m, _ in starts[:1])]
    return [
        Stretch(DAYS[begin // _DAY_MINUTES], begin, end, limit)
        for (begin, limit), end in zip(starts, ends, strict=True)
    ]


def week(limits: Limits) -> list[Stretch]:
    """For each day its stretches in order, for people to read."""
    found: list[Stretch] = []
    for number, day in enumerate(DAYS):
        midnight = number * _DAY_MINUTES
        inner = [m - midnight for m in limits.minutes if 0 < m - midnight < _DAY_MINUTES]
        marks = [0, *inner, _DAY_MINUTES]
        for begin, end in pairwise(marks):
            limit = _at_minute(limits, midnight + begin)
            if found and found[-1].day == day and found[-1].limit == limit:
                begin = found.pop().begin
            found.append(Stretch(day, begin, end, limit))
    return found


def _at_minute(limits: Limits, minute: int) -> Limit:
    """What holds at a minute of the week; before its first entry, the last one of last week."""
    past = [limit for m, limit in zip(limits.minutes, limits.limits, strict=True) if m <= minute]
    return past[-1] if past else limits.limits[-1]
