"""When each lecture will have arrived: the queue played through the hours to come. Pure.

The rate of an hour is the median of what that hour of the day has given on the last days, failures
and waiting for the other side included, bent towards what goes through right now. The rest is what
is known: order of value, hours, budgets, pauses, and the lectures of the same days last week, which
will be recorded again and go before what is older. What nobody can know (when a metered link ends,
when a battery is fed again) makes no time up: then there is no answer but the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median

from uploader.policy import (
    FULL_QUALITY_SHARE,
    Kind,
    Policy,
    Situation,
    Verdict,
    decide,
    next_day,
    next_month,
)

#: Beyond this nobody plans, and nothing is promised.
HORIZON = timedelta(days=14)
#: An hour in which sending was tried for less than this, and less was sent, says little.
LEAST_S, LEAST_BYTES = 60.0, 8 << 20
#: How soon what goes through now is no longer news.
NEWS = timedelta(hours=2)
#: Older days count no more: networks change.
LOOK_BACK = timedelta(days=14)
#: What the first minutes give counts only within these bounds of what is usual.
LEAST_BEND, MOST_BEND = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class Hour:
    """What went to one destination in one local hour, in so many seconds in which it might."""

    day: date
    hour: int
    bytes: int
    seconds: float

    @property
    def counts(self) -> bool:
        """Whether it says anything about the hour."""
        return self.seconds >= LEAST_S or (self.seconds > 0 and self.bytes >= LEAST_BYTES)

    @property
    def rate(self) -> float:
        return self.bytes / self.seconds


class Rates:
    """Bytes per second that one destination is expected to take."""

    def __init__(self, hours: Sequence[Hour], now: datetime) -> None:
        recent = [e for e in hours if e.counts and now.date() - e.day <= LOOK_BACK]
        self._now = now
        self._all = [each.rate for each in recent]
        self._usual: dict[int, float] = {}
        for hour in range(24):
            rates = [each.rate for each in recent if each.hour == hour]
            if rates:
                self._usual[hour] = median(rates)
        self._bend = self._news(recent)

    def at(self, moment: datetime) -> float | None:
        """None: nothing was ever sent there for long enough."""
        usual = self._usual_at(moment.hour)
        if usual is None:
            return None
        fades = math.exp(-max(0.0, (moment - self._now) / NEWS))
        return usual * math.exp(fades * math.log(self._bend))

    def _usual_at(self, hour: int) -> float | None:
        if not self._all:
            return None
        return self._usual.get(hour, median(self._all))

    def _news(self, recent: Sequence[Hour]) -> float:
        """How much more or less than usual goes through in this hour or the one before it."""
        for back in (0, 1):
            when = self._now - timedelta(hours=back)
            live = [e.rate for e in recent if (e.day, e.hour) == (when.date(), when.hour)]
            usual = self._usual_at(when.hour)
            if live and usual:
                return min(MOST_BEND, max(LEAST_BEND, live[0] / usual))
        return 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A stage of a lecture that waits for a destination. `ready` None: it is there already."""

    lecture: str
    destination: str
    kind: Kind
    bytes: int
    ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """A lecture that will be recorded, as far as last week tells, and what it will send where."""

    begin: datetime
    end: datetime
    destination: str
    first_bytes: int
    full_bytes: int
    network: bool = True

    def pieces(self) -> list[Piece]:
        sizes = ((True, self.first_bytes), (False, self.full_bytes))
        return [
            Piece("", self.destination, Kind(first, self.network), size, self.end)
            for first, size in sizes
        ]


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a piece will be there; `at` None: nobody knows, and `verdict` is what it waits for."""

    piece: Piece
    at: datetime | None
    verdict: Verdict | None = None


RateAt = Callable[[datetime], float | None]


def forecast(
    queue: Sequence[Piece],
    rates: Mapping[str, RateAt],
    policy: Policy,
    situation: Situation,
    coming: Sequence[Coming] = (),
) -> list[Arrival]:
    """The arrival of each piece of a queue in the order of value. Needs a clock.

    One file at a time, the first that may go. Without a known rate nothing is promised.
    """
    if situation.local is None:
        return [Arrival(piece, None, decide(policy, situation, piece.kind)) for piece in queue]
    newest = sorted(coming, key=lambda each: each.begin, reverse=True)
    before = [piece for each in newest for piece in each.pieces()]
    merged = sorted([*before, *queue], key=lambda p: (not p.kind.asked, not p.kind.first))
    hours = [(each.begin, each.end) for each in coming]
    found = _Play(merged, rates, policy, situation, situation.local, hours).through()
    return sorted(found, key=lambda arrival: queue.index(arrival.piece))


class _Play:
    """One run through the hours to come."""

    def __init__(
        self,
        queue: Sequence[Piece],
        rates: Mapping[str, RateAt],
        policy: Policy,
        situation: Situation,
        start: datetime,
        recordings: Sequence[tuple[datetime, datetime]],
    ) -> None:
        self._left = {number: float(piece.bytes) for number, piece in enumerate(queue)}
        self._queue = queue
        self._rates = rates
        self._policy = policy
        self._situation = situation
        self._recordings = recordings
        self._start = start
        self._day, self._month = float(situation.day_used), float(situation.month_used)
        self._now = start
        self._arrived: dict[int, datetime] = {}

    def through(self) -> list[Arrival]:
        end = self._start + HORIZON
        wanted = [number for number, piece in enumerate(self._queue) if piece.lecture]
        while self._now < end and any(number in self._left for number in wanted):
            verdicts = self._verdicts()
            number = self._first(verdicts)
            until = min(end, self._boundary(verdicts))
            if number is None:
                self._pass(until)
                continue
            self._send(number, self._rate(number, verdicts), until)
        return [
            Arrival(piece, self._arrived.get(n), None if n in self._arrived else self._why(piece))
            for n, piece in ((n, self._queue[n]) for n in wanted)
        ]

    def _send(self, number: int, rate: float, until: datetime) -> None:
        """Until it is there, the hour ends, or a budget does."""
        piece = self._queue[number]
        seconds = (until - self._now).total_seconds()
        amount = min(self._left[number], rate * seconds)
        if piece.kind.network:
            amount = min(amount, self._allowance(piece.kind))
        self._left[number] -= amount
        if piece.kind.network:
            self._day += amount
            self._month += amount
        self._pass(self._now + timedelta(seconds=max(0.001, amount / rate)))
        if self._left[number] < 1:
            del self._left[number]
            self._arrived[number] = self._now

    def _pass(self, until: datetime) -> None:
        """Days and months begin with nothing used."""
        if until.date() != self._now.date():
            self._day = 0.0
        if (until.year, until.month) != (self._now.year, self._now.month):
            self._month = 0.0
        self._now = until

    def _allowance(self, kind: Kind) -> float:
        """Bytes until a budget ends; one at least, so that the play goes on."""
        share = 1.0 if kind.first else FULL_QUALITY_SHARE
        budgets = [(self._policy.day_bytes, self._day), (self._policy.month_bytes, self._month)]
        left = [share * budget - used for budget, used in budgets if budget is not None]
        return math.inf if kind.asked else max(1.0, min(left, default=math.inf))

    def _verdicts(self) -> dict[Kind, Verdict]:
        there = self._at(self._now)
        kinds = {self._queue[number].kind for number in self._left}
        return {kind: decide(self._policy, there, kind) for kind in kinds}

    def _at(self, moment: datetime) -> Situation:
        """As far as anybody knows; a recording ends when it is planned to."""
        was = self._situation
        over = was.recording_until is not None and moment >= was.recording_until
        usual = [end for begin, end in self._recordings if begin <= moment < end]
        going_on = was.recording and not over
        return replace(
            was,
            local=moment,
            recording=going_on or bool(usual),
            recording_until=was.recording_until if going_on else max(usual, default=None),
            day_used=math.ceil(self._day),
            month_used=math.ceil(self._month),
        )

    def _first(self, verdicts: Mapping[Kind, Verdict]) -> int | None:
        for number in self._left:
            piece = self._queue[number]
            if piece.ready is not None and piece.ready > self._now:
                continue
            if not verdicts[piece.kind].waits and self._rate(number, verdicts) > 0:
                return number
        return None

    def _rate(self, number: int, verdicts: Mapping[Kind, Verdict]) -> float:
        piece = self._queue[number]
        rate_at = self._rates.get(piece.destination)
        rate = (rate_at(self._now) if rate_at else None) or 0.0
        limit = verdicts[piece.kind].limit.rate
        return rate if limit is None or not piece.kind.network else min(rate, limit)

    def _boundary(self, verdicts: Mapping[Kind, Verdict]) -> datetime:
        """When something may be different: the hour, what holds, the day's and month's data."""
        now = self._now
        hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        there = self._situation
        orders = [order for order in (there.pause, there.limit) if order is not None]
        ends: list[datetime | None] = [hour, next_day(now), next_month(now), there.recording_until]
        ends += [self._policy.timetable.next_change(now)]
        ends += [verdict.until for verdict in verdicts.values()]
        ends += [order.until for order in orders]
        ends += [begin for begin, _ in self._recordings]
        ends += [self._queue[number].ready for number in self._left]
        return min(end for end in ends if end is not None and end > now)

    def _why(self, piece: Piece) -> Verdict | None:
        """What stands in the way at the end; None: only time does, or no rate is known."""
        verdict = decide(self._policy, self._at(self._now), piece.kind)
        return verdict if verdict.waits else None
