"""Days of a room in fast motion: a link with hours of its own, lectures, and a process that sends.

It sends by the same decision as the product, minute by minute, at a rate that nobody tells the
forecast: by day a third of the night's, each day and each minute different, and cut at times.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from uploader.forecast import Coming, Hour, Piece, Rates, forecast
from uploader.policy import Kind, Policy, Situation, decide

MONDAY = datetime(2026, 11, 2, tzinfo=ZoneInfo("Asia/Phnom_Penh"))
MINUTE = timedelta(minutes=1)
PLACE = "platform"
FIRST_BYTES, FULL_BYTES = 30 << 20, 2000 << 20


@dataclass(frozen=True)
class Promise:
    """A first forecast and what became of it."""

    lecture: str
    first: bool
    made: datetime
    expected: datetime | None
    arrived: datetime | None = None

    @property
    def error(self) -> float:
        """Of the time that it took: 0.5 is half as long again, or half as long."""
        assert self.expected is not None
        assert self.arrived is not None
        took = (self.arrived - self.made).total_seconds()
        return (self.arrived - self.expected).total_seconds() / max(took, 60.0)


@dataclass
class Link:
    """Bytes per second, a minute at a time."""

    by_day: float
    by_night: float
    unsteady: float
    cut_share: float
    chance: random.Random
    _day_factor: dict[int, float] = field(default_factory=dict)

    def rate(self, moment: datetime) -> float:
        usual = self.by_day if 8 <= moment.hour < 18 else self.by_night
        day = self._day_factor.setdefault(
            moment.toordinal(), math.exp(self.chance.gauss(0, self.unsteady / 2))
        )
        if self.chance.random() < self.cut_share:
            return 0.0
        return usual * day * math.exp(self.chance.gauss(0, self.unsteady))


@dataclass
class Days:
    """A room with lectures at the same hours each day."""

    link: Link
    policy: Policy
    lecture_hours: Sequence[int] = (9, 11, 14)
    promises: list[Promise] = field(default_factory=list)
    _hours: dict[tuple[int, int], Hour] = field(default_factory=dict)
    _queue: list[Piece] = field(default_factory=list)
    _day: float = 0.0
    _month: float = 0.0

    def run(self, days: int) -> Days:
        now = MONDAY
        for _ in range(days * 24 * 60):
            if (now.hour, now.minute) == (0, 0):
                self._day = 0.0
                self._month = 0.0 if now.day == 1 else self._month
            if now.hour in self.lecture_hours and now.minute == 50:
                self._packaged(now)
            self._send(now)
            now += MINUTE
        return self

    def _packaged(self, now: datetime) -> None:
        lecture = f"{now:%d-%H}"
        pieces = [
            Piece(lecture, PLACE, Kind(first=True), FIRST_BYTES),
            Piece(lecture, PLACE, Kind(first=False), FULL_BYTES),
        ]
        self._queue = sorted([*pieces, *self._queue], key=lambda piece: not piece.kind.first)
        rates = {PLACE: Rates(list(self._hours.values()), now).at}
        there = self._situation(now)
        for arrival in forecast(self._queue, rates, self.policy, there, self._coming(now)):
            if arrival.piece.lecture == lecture:
                first = arrival.piece.kind.first
                self.promises.append(Promise(lecture, first, now, arrival.at))

    def _coming(self, now: datetime) -> list[Coming]:
        """As last week, which the room knows from its eighth day on."""
        days = [now + timedelta(days=ahead) for ahead in range(14)]
        starts = [
            day.replace(hour=hour, minute=0)
            for day in days
            for hour in self.lecture_hours
            if day - timedelta(days=7 * (1 + (day - now).days // 7)) >= MONDAY
        ]
        return [
            Coming(start, start.replace(minute=50), PLACE, FIRST_BYTES, FULL_BYTES)
            for start in starts
            if start > now
        ]

    def _situation(self, now: datetime) -> Situation:
        recording = now.hour in self.lecture_hours and now.minute < 50
        end = now.replace(minute=50, second=0) if recording else None
        used = math.ceil(self._day), math.ceil(self._month)
        return Situation(now, recording=recording, recording_until=end, day_used=used[0],
                         month_used=used[1])  # fmt: skip

    def _send(self, now: datetime) -> None:
        """A minute of it: the first that may go, then the next with what is left of the minute."""
        rate, seconds = self.link.rate(now), 60.0
        tried = False
        for piece in list(self._queue):
            verdict = decide(self.policy, self._situation(now), piece.kind)
            if verdict.waits:
                continue
            tried = True
            allowed = rate if verdict.limit.rate is None else min(rate, verdict.limit.rate)
            amount = min(piece.bytes, int(allowed * seconds))
            self._count(now, amount, 0)
            self._queue.remove(piece)
            if amount < piece.bytes:
                self._queue.insert(0, replace(piece, bytes=piece.bytes - amount))
                self._queue.sort(key=lambda each: not each.kind.first)
                break
            seconds -= amount / allowed
            self._arrived(piece, now + timedelta(seconds=60 - seconds))
        if tried:
            self._count(now, 0, 60)

    def _count(self, now: datetime, amount: int, seconds: float) -> None:
        key = (now.toordinal(), now.hour)
        was = self._hours.get(key, Hour(now.date(), now.hour, 0, 0.0))
        self._hours[key] = replace(was, bytes=was.bytes + amount, seconds=was.seconds + seconds)
        self._day += amount
        self._month += amount

    def _arrived(self, piece: Piece, at: datetime) -> None:
        for number, each in enumerate(self.promises):
            if (each.lecture, each.first) == (piece.lecture, piece.kind.first):
                self.promises[number] = replace(each, arrived=at)
