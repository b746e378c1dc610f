"""Whether and how fast something may be sent now, and why. Pure.

Asked for each file: the first stages (what makes a lecture watchable: a few MB) may pass where the
full quality (gigabytes) has to wait. People's words come first, then the hours, then what the
computer sees: power, the price of the link, a lecture that is being recorded, the data used.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from uploader.limits import UNLIMITED, Limit
from uploader.timetable import Timetable

#: What may be sent while something holds.
Passing = Literal["send", "first-stages", "wait"]
Why = Literal[
    "free",
    "limited",
    "asked",
    "paused",
    "hours",
    "clock",
    "battery",
    "metered",
    "recording",
    "day budget",
    "month budget",
]
PAUSE = Limit(0)
#: The last tenth of a budget is kept for the first stages of the lectures to come.
FULL_QUALITY_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration says. Budgets are bytes; None: there is none."""

    timetable: Timetable
    day_bytes: int | None = None
    month_bytes: int | None = None
    metered: Passing = "first-stages"
    recording: Passing = "first-stages"
    battery: Passing = "wait"


@dataclass(frozen=True, slots=True)
class Order:
    """A pause or another limit, ordered by people; `until` None: until they say otherwise."""

    limit: Limit = PAUSE
    until: datetime | None = None

    def holds(self, local: datetime | None) -> bool:
        """Without a clock it does: whoever has another reason to know that it is over drops it."""
        return self.until is None or local is None or local < self.until


@dataclass(frozen=True, slots=True)
class Situation:
    """What holds at this moment. `local` None: the clock was never set. Used: bytes."""

    local: datetime | None
    pause: Order | None = None
    limit: Order | None = None
    metered: bool | None = None
    on_battery: bool = False
    recording: bool = False
    recording_until: datetime | None = None
    day_used: int = 0
    month_used: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked about. `network`: it goes over a link. `asked`: people want it now."""

    first: bool
    network: bool = True
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`limit` pauses: it waits, because of `why`, and until then at least (None: nobody knows)."""

    why: Why
    limit: Limit = UNLIMITED
    until: datetime | None = None

    @property
    def waits(self) -> bool:
        return self.limit.pauses


def decide(policy: Policy, now: Situation, kind: Kind) -> Verdict:
    """May a file of this kind be sent now?"""
    ordered = now.limit if now.limit and now.limit.holds(now.local) else None
    if kind.asked:
        return Verdict("asked", ordered.limit if ordered else UNLIMITED)
    if now.pause and now.pause.holds(now.local):
        return Verdict("paused", PAUSE, now.pause.until)
    allowed = _ordered(ordered) if ordered else _by_hours(policy.timetable, now.local)
    if allowed.waits or not kind.network:
        return allowed
    return _seen(policy, now, kind) or _over_budget(policy, now, kind) or allowed


def next_day(local: datetime) -> datetime:
    """Its midnight, by the wall clock."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)


def next_month(local: datetime) -> datetime:
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _ordered(order: Order) -> Verdict:
    return Verdict("limited" if order.limit.rate else "free", order.limit, order.until)


def _by_hours(timetable: Timetable, local: datetime | None) -> Verdict:
    """A clock that was never set says nothing of the hour: then the strictest of all holds."""
    if local is None:
        limit = timetable.limits.strictest()
        return Verdict("clock" if limit.rate is not None else "free", limit)
    limit = timetable.at(local)
    why: Why = "hours" if limit.pauses else "limited" if limit.rate else "free"
    return Verdict(why, limit, timetable.next_change(local))


def _seen(policy: Policy, now: Situation, kind: Kind) -> Verdict | None:
    """What makes it wait of what the computer sees."""
    seen: list[tuple[bool, Why, Passing, datetime | None]] = [
        (now.on_battery, "battery", policy.battery, None),
        (bool(now.metered), "metered", policy.metered, None),
        (now.recording, "recording", policy.recording, now.recording_until),
    ]
    for holds, why, passing, until in seen:
        if holds and (passing == "wait" or (passing == "first-stages" and not kind.first)):
            return Verdict(why, PAUSE, until)
    return None


def _over_budget(policy: Policy, now: Situation, kind: Kind) -> Verdict | None:
    share = 1.0 if kind.first else FULL_QUALITY_SHARE
    local = now.local
    if policy.month_bytes is not None and now.month_used >= share * policy.month_bytes:
        return Verdict("month budget", PAUSE, next_month(local) if local else None)
    if policy.day_bytes is not None and now.day_used >= share * policy.day_bytes:
        return Verdict("day budget", PAUSE, next_day(local) if local else None)
    return None


_WORDS: dict[Why, str] = {
    "free": "no limit",
    "limited": "at most {rate}",
    "asked": "asked for by people, whatever else holds",
    "paused": "paused by people",
    "hours": "outside of the hours for sending",
    "clock": "the clock was never set, so the strictest hour holds: {rate}",
    "battery": "this computer runs on its battery",
    "metered": "the link is metered",
    "recording": "a lecture is being recorded",
    "day budget": "the day's data is used up",
    "month budget": "the month's data is used up",
}


def words(verdict: Verdict, local: datetime | None) -> str:
    """The verdict as people read it."""
    rate = verdict.limit.rate
    text = _WORDS[verdict.why].format(rate=f"{(rate or 0) / 1024:.0f} KiB/s")
    if verdict.until is not None:
        return f"{text} until {moment(verdict.until, local)}"
    return f"{text} until somebody resumes it" if verdict.why == "paused" else text


def moment(when: datetime, local: datetime | None) -> str:
    """A time as short as it is clear: 18:00 today, else Mon 18:00, else 1 Dec 18:00."""
    if local is not None and when.date() == local.date():
        return f"{when:%H:%M}"
    if local is not None and when - local < timedelta(days=6):
        return f"{when:%a %H:%M}"
    return f"{when.day} {when:%b %H:%M}"
