"""What is told of each waiting lecture, what is kept of it, and how far forecasts were off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import rfc3339
from edge_agent.rows import ForecastRow, Lecture, Traffic
from edge_agent.rules.lecture import State
from edge_agent.upload_arrivals import Arrivals, errors, expecting, under_way
from edge_agent.upload_gate import Gate, Senses
from edge_agent.upload_traffic import Meter
from edge_agent.upload_watch import Transit
from tests.delivery_room import Room
from tests.fixed_clock import MORNING, FixedClock
from uploader.forecast import Coming
from uploader.limits import Limits
from uploader.policy import Policy, Situation
from uploader.timetable import Timetable

pytestmark = pytest.mark.usefixtures("phnom_penh")
LINKS = frozenset({"platform"})
RATE = 1000


@dataclass
class Fixture:
    room: Room
    clock: FixedClock
    gate: Gate
    transit: Transit
    arrivals: Arrivals

    def told(self) -> list[dict[str, Any]]:
        self.clock.pass_time(61)
        self.gate.look()
        found: list[dict[str, Any]] = self.arrivals()["arrivals"]
        return found

    def package(self, lecture: str, *seconds: int) -> None:
        """The first file is watchable, the last one is not; so many seconds of the link each."""
        names = ["manifest.json", "slides.mp4", "camera-small.mp4"]
        files = dict(zip(names, (b"x" * RATE * each for each in seconds), strict=False))
        self.room.package(lecture, files)

    def minutes(self, utc: str | None) -> int | None:
        if utc is None:
            return None
        return round((datetime.fromisoformat(utc) - self.clock.utc) / timedelta(minutes=1))


@pytest.fixture
def fix(tmp_path: Path) -> Iterator[Fixture]:
    room, clock = Room(tmp_path), FixedClock(utc=MORNING)
    days = [(MORNING - timedelta(days=n)).date().isoformat() for n in range(1, 4)]
    hours = [
        Traffic(day, hour, "platform", RATE * 600, 600.0) for day in days for hour in range(24)
    ]
    room.ledger.add_traffic(hours)
    meter = Meter(room.ledger, clock, LINKS)
    senses = Senses(lambda: False, lambda: False, lambda: True)
    said = Policy(Timetable(Limits.parse("off")))
    gate, transit = Gate(said, room.ledger, clock, senses, meter, LINKS), Transit(meter, clock)
    yield Fixture(room, clock, gate, transit, Arrivals(room.ledger, clock, gate, transit))
    room.ledger.close()


def test_each_waiting_lecture_is_told_watchable_and_whole(fix: Fixture) -> None:
    fix.package("L1", 600, 600, 3600)
    (told,) = fix.told()
    assert (told["lecture"], told["destination"], told["watchable"]) == ("L1", "platform", False)
    assert fix.minutes(told["watchable_utc"]) == 20
    assert fix.minutes(told["whole_utc"]) == 80
    assert told["why"] == ""


def test_of_the_file_on_its_way_only_the_rest_counts(fix: Fixture) -> None:
    fix.package("L1", 3600)
    fix.transit.begin(fix.room.row("manifest.json"))
    fix.transit.moved("copying", RATE * 1800)
    (told,) = fix.told()
    assert fix.minutes(told["whole_utc"]) == 30


def test_a_pause_without_an_end_is_told_instead_of_a_time(fix: Fixture) -> None:
    fix.package("L1", 600, 600, 600)
    fix.room.ledger.order_upload(fix.clock.now(), "pause")
    (told,) = fix.told()
    assert (told["watchable_utc"], told["whole_utc"]) == (None, None)
    assert told["why"] == "paused by people until somebody resumes it"


def test_what_was_refused_arrives_when_people_have_mended_it(fix: Fixture) -> None:
    fix.package("L1", 600, 600, 600)
    row = fix.room.row("camera-small.mp4")
    fix.room.ledger.delivery_failed(row, "it was changed")
    fix.transit.refused.append(row.version())
    (told,) = fix.told()
    assert fix.minutes(told["watchable_utc"]) == 20
    assert (told["whole_utc"], told["why"]) == (None, "it was changed")


def test_the_first_forecast_is_kept_and_so_is_the_arrival(fix: Fixture) -> None:
    fix.package("L1", 600)
    fix.told()
    (first, _) = fix.room.ledger.forecasts()
    fix.clock.pass_time(1200)
    fix.told()
    assert fix.room.ledger.forecasts()[0] == first
    fix.room.ledger.delivered(fix.room.row("manifest.json"), {"state": "verified"}, fix.clock.now())
    assert fix.told() == []
    kept = fix.room.ledger.forecasts()
    assert {row.stage for row in kept} == {"watchable", "whole"}
    took = datetime.fromisoformat(kept[0].arrived_utc or "") - datetime.fromisoformat(
        first.made_utc
    )
    assert took == timedelta(seconds=1200 + 2 * 61)
    assert fix.arrivals()["forecast_error"]["whole"]["lectures"] == 1


def test_nothing_is_promised_of_a_lecture_whose_small_versions_are_still_to_come(
    fix: Fixture,
) -> None:
    fix.package("L1", 600)
    fix.room.ledger.set_lecture("L1", renditions="wanted")
    fix.told()
    assert fix.room.ledger.forecasts() == []
    fix.room.ledger.set_lecture("L1", renditions="made")
    fix.told()
    assert len(fix.room.ledger.forecasts()) == 2


def test_last_weeks_lectures_are_expected_again_and_go_first(fix: Fixture) -> None:
    """At 10:31 last Monday: half an hour of recording, then ten minutes of the link."""
    fix.package("old", 300, 300)
    begin = MORNING - timedelta(days=7) + timedelta(minutes=31)
    fix.room.ledger.set_lecture("old", started_utc=rfc3339(begin), duration_s=1800.0)
    for row in fix.room.ledger.outbox("old"):
        fix.room.ledger.delivered(row, {"state": "verified"}, fix.clock.now())
    fix.package("L1", 600, 1, 1800)
    (told,) = fix.told()
    assert fix.minutes(told["whole_utc"]) == pytest.approx(40 + 30 + 10, abs=2)


def test_it_is_computed_when_something_happens_and_each_minute_else(fix: Fixture) -> None:
    fix.package("L1", 600)
    before = fix.told()
    fix.clock.pass_time(10)
    assert fix.arrivals()["arrivals"] is before
    fix.transit.begin(fix.room.row("manifest.json"))
    fix.transit.end()
    assert fix.arrivals()["arrivals"] is not before


def test_a_recording_without_a_planned_end_takes_as_long_as_usual() -> None:
    now = FixedClock(utc=MORNING).now()

    def lecture(name: str, minutes: float | None) -> Lecture:
        start = rfc3339(MORNING - timedelta(minutes=30))
        ended = rfc3339(MORNING) if minutes else None
        ids = name, State.PACKAGED, start, now.trust, now.boot, now.mono_ns
        return Lecture(*ids, ended_utc=ended, duration_s=minutes and 60 * minutes)

    there = Situation(MORNING.astimezone(), recording=True)
    last = [lecture("a", 90), lecture("b", 80), lecture("c", 600), lecture("now", None)]
    assert expecting(there, last).recording_until == MORNING + timedelta(minutes=60)
    assert expecting(there, last[-1:]) is there, "nobody knows"
    long = [lecture("a", 20), lecture("now", None)]
    assert expecting(there, long).recording_until == MORNING + timedelta(minutes=10)


def test_the_lecture_under_way_is_expected_to_be_like_the_last_ones() -> None:
    now = MORNING.astimezone()
    hour = timedelta(hours=1)
    usual = [
        Coming(now + n * hour, now + (n + 0.5) * hour, "platform", 10 * n, 100 * n)
        for n in (1, 2, 9)
    ]
    there = Situation(now, recording=True, recording_until=now + hour)
    assert under_way(there, usual) == [Coming(now, now + hour, "platform", 20, 200, True)]
    as_last_week = Coming(now - hour, now + hour, "platform", 1, 1)
    assert under_way(there, [*usual, as_last_week]) == []
    assert under_way(Situation(now), usual) == []
    assert under_way(there, []) == []


def test_the_error_is_a_share_of_the_time_that_it_took() -> None:
    def row(expected_h: float, arrived_h: float | None) -> ForecastRow:
        times = [rfc3339(MORNING + timedelta(hours=h)) for h in (0, expected_h, arrived_h or 0)]
        return ForecastRow("L", "p", "whole", times[0], times[1], times[2] if arrived_h else None)

    found = errors([row(1, 2), row(2, 2), row(4, 3.2), row(9, None)])
    assert found == {"whole": {"lectures": 3, "median_share": 0.25}}
