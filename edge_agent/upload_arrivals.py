"""What is expected of each waiting lecture: when it will be watchable and when whole.

Feeds the pure forecast with the outbox, the data counted so far and last week's lectures, keeps the
first forecast of each lecture, and its arrival, so that the error of forecasts can be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from edge_agent.clock import Clock, rfc3339
from edge_agent.ledger import Ledger
from edge_agent.rows import ForecastRow, Lecture, OutboxRow
from edge_agent.rules.package import FIRST_STAGES
from edge_agent.upload_gate import Gate
from edge_agent.upload_watch import Transit
from uploader.forecast import LOOK_BACK, Arrival, Coming, Hour, Piece, Rates, forecast
from uploader.policy import Situation, words

#: Nothing has happened, and still it is looked at again: time has passed.
AGAIN_S = 15.0
#: The error is told of so many of the last lectures.
TOLD = 50
WEEK = timedelta(days=7)
_NS = 1_000_000_000
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says, read at once."""

    lectures: Mapping[str, Lecture]
    rows: Sequence[OutboxRow]
    hours: Mapping[str, list[Hour]]


class Arrivals:
    """Called when the state is told; computes only when something has changed."""

    def __init__(self, ledger: Ledger, clock: Clock, gate: Gate, transit: Transit) -> None:
        self._ledger = ledger
        self._clock = clock
        self._gate = gate
        self._transit = transit
        self._due_ns = 0
        self._seen: object = None
        self._promised: set[tuple[str, str, str]] | None = None
        self._document: dict[str, Any] = {"arrivals": [], "forecast_error": {}}

    def __call__(self) -> Mapping[str, Any]:
        """For the state that is told. Raises sqlite3.Error."""
        now_ns = self._clock.mono_ns()
        verdicts = self._gate.document()
        seen = (
            self._transit.ended,
            self._gate.control.newest,
            verdicts["first_stages"]["why"],
            verdicts["full_quality"]["why"],
        )
        if now_ns >= self._due_ns or seen != self._seen:
            self._due_ns, self._seen = now_ns + round(AGAIN_S * _NS), seen
            self._document = self._computed()
        return self._document

    def _computed(self) -> dict[str, Any]:
        known = self._read()
        self._keep_arrivals(known)
        there = expecting(self._gate.situation, known.lectures.values())
        pieces = self._pieces(known)
        now = there.local or datetime.now(UTC)
        rates = {place: Rates(hours, now).at for place, hours in known.hours.items()}
        usual = coming(known, now, self._gate)
        usual += under_way(there, usual)
        found = forecast(pieces, rates, self._gate.policy, there, usual)
        told = [_told(key, parts, there) for key, parts in _by_lecture(found).items()]
        told = [self._unless_refused(each, known) for each in told]
        self._promise(told, known)
        return {"arrivals": told, "forecast_error": errors(self._ledger.forecasts())}

    def _read(self) -> Known:
        today = self._clock.now().utc.astimezone().date()
        hours: dict[str, list[Hour]] = {}
        for row in self._ledger.traffic((today - LOOK_BACK).isoformat()):
            if row.hour >= 0:
                hour = Hour(date.fromisoformat(row.day), row.hour, row.bytes, row.seconds)
                hours.setdefault(row.destination, []).append(hour)
        week_ago = rfc3339(self._clock.now().utc - WEEK)
        lectures = {lecture.id: lecture for lecture in self._ledger.recent_lectures(week_ago)}
        return Known(lectures, self._ledger.recent_outbox(week_ago), hours)

    def _pieces(self, known: Known) -> list[Piece]:
        """What waits, by stages, in the order of value; of the file on its way what is left."""
        sizes: dict[tuple[str, str, Any], int] = {}
        for row in known.rows:
            if row.receipt is None and not known.lectures[row.lecture].withheld:
                key = (row.lecture, row.destination, self._gate.kind(row))
                sizes[key] = sizes.get(key, 0) + row.bytes - self._done(row)
        pieces = [Piece(*key, size) for key, size in sizes.items()]
        return sorted(pieces, key=lambda piece: not piece.kind.asked)

    def _unless_refused(self, told: dict[str, Any], known: Known) -> dict[str, Any]:
        """What was refused for good arrives when people have mended it."""
        for row in known.rows:
            if row.lecture == told["lecture"] and row.version() in self._transit.refused:
                told = {**told, "whole_utc": None, "why": row.last_error}
                if row.priority <= FIRST_STAGES:
                    told["watchable_utc"] = None
        return told

    def _done(self, row: OutboxRow) -> int:
        on_way = self._transit.row
        same = on_way is not None and on_way.version() == row.version()
        return min(self._transit.done, row.bytes) if same else 0

    def _promise(self, told: Iterable[Mapping[str, Any]], known: Known) -> None:
        """Keep what is said for the first time of a lecture whose files are all made."""
        if self._promised is None:
            rows = self._ledger.forecasts()
            self._promised = {(row.lecture, row.destination, row.stage) for row in rows}
        now = self._clock.now()
        for each in told:
            lecture = known.lectures.get(each["lecture"])
            if lecture is None or lecture.renditions == "wanted":
                continue
            for stage in ("watchable", "whole"):
                key = (each["lecture"], each["destination"], stage)
                if each[f"{stage}_utc"] is not None and key not in self._promised:
                    self._ledger.first_forecast(*key, now, each[f"{stage}_utc"])
                    self._promised.add(key)

    def _keep_arrivals(self, known: Known) -> None:
        left: set[tuple[str, str, str]] = set()
        for row in known.rows:
            if row.receipt is None:
                left.add((row.lecture, row.destination, "whole"))
                if row.priority <= FIRST_STAGES:
                    left.add((row.lecture, row.destination, "watchable"))
        for kept in self._ledger.forecasts():
            key = (kept.lecture, kept.destination, kept.stage)
            if kept.arrived_utc is None and key not in left:
                self._ledger.arrived(*key, self._clock.now())


def expecting(there: Situation, lectures: Iterable[Lecture]) -> Situation:
    """A recording without a planned end ends when half of the last ones would have."""
    if not there.recording or there.recording_until is not None or there.local is None:
        return there
    known = list(lectures)
    usual = [each.duration_s for each in known[-20:] if each.duration_s]
    started = next((e.started_utc for e in reversed(known) if e.ended_utc is None), None)
    if not usual or started is None:
        return there
    end = datetime.fromisoformat(started) + timedelta(seconds=median(usual))
    soon = there.local + timedelta(minutes=10)
    return replace(there, recording_until=max(end.astimezone(), soon))


def coming(known: Known, now: datetime, gate: Gate) -> list[Coming]:
    """Last week's lectures, as of this week and the next; a clock that was wrong says nothing."""
    sizes: dict[Key, list[int]] = {}
    for row in known.rows:
        stages = sizes.setdefault((row.lecture, row.destination), [0, 0])
        stages[0 if row.priority <= FIRST_STAGES else 1] += row.bytes
    found = []
    for (name, place), (first, full) in sizes.items():
        lecture = known.lectures.get(name)
        if lecture is None or not lecture.duration_s:
            continue
        begin = datetime.fromisoformat(lecture.started_utc)
        if not now - WEEK < begin <= now:
            continue
        network = gate.reaches(place)
        for weeks in (1, 2):
            start = (begin + weeks * WEEK).astimezone()
            end = start + timedelta(seconds=lecture.duration_s)
            found.append(Coming(start, end, place, first, full, network))
    return found


def under_way(there: Situation, usual: Sequence[Coming]) -> list[Coming]:
    """The lecture that is being recorded will send as much as half of the last ones did."""
    now, end = there.local, there.recording_until
    if now is None or end is None or not there.recording:
        return []
    if any(each.begin <= now < each.end for each in usual):
        return []  # it is last week's
    found = []
    for place in dict.fromkeys(each.destination for each in usual):
        last = [each for each in usual if each.destination == place]
        first = round(median(each.first_bytes for each in last))
        full = round(median(each.full_bytes for each in last))
        found.append(Coming(now, end, place, first, full, last[0].network))
    return found


def errors(rows: Iterable[ForecastRow]) -> dict[str, Any]:
    """How far first forecasts were off, as a share of the time that the arrival took."""
    found: dict[str, list[float]] = {"watchable": [], "whole": []}
    for row in rows:
        if row.arrived_utc is not None:
            made, expected, arrived = (
                datetime.fromisoformat(text)
                for text in (row.made_utc, row.expected_utc, row.arrived_utc)
            )
            took = max(60.0, (arrived - made).total_seconds())
            found[row.stage].append(abs((arrived - expected).total_seconds()) / took)
    return {
        stage: {"lectures": len(shares[-TOLD:]), "median_share": round(median(shares[-TOLD:]), 3)}
        for stage, shares in found.items()
        if shares
    }


def _by_lecture(arrivals: Iterable[Arrival]) -> dict[Key, list[Arrival]]:
    found: dict[Key, list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault((arrival.piece.lecture, arrival.piece.destination), []).append(arrival)
    return found


def _told(key: Key, parts: Sequence[Arrival], there: Situation) -> dict[str, Any]:
    """`watchable_utc` null: it is, or nobody knows; `why`: what an unknown time waits for."""
    first = [part for part in parts if part.piece.kind.first]
    stuck = next((part for part in parts if part.at is None), None)
    verdict = stuck.verdict if stuck else None
    return {
        "lecture": key[0],
        "destination": key[1],
        "watchable": not first,
        "watchable_utc": _last(first),
        "whole_utc": _last(parts),
        "why": words(verdict, there.local) if verdict else "",
    }


def _last(parts: Sequence[Arrival]) -> str | None:
    times = [part.at for part in parts]
    known = [at for at in times if at is not None]
    return rfc3339(max(known)) if known and len(known) == len(times) else None
