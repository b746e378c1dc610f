"""What holds at a moment: people's orders, the hour, the senses, within a second of each change."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.rows import Lecture, OutboxRow
from edge_agent.rules.lecture import State
from edge_agent.upload_gate import LOOK_S, REST_S, SENSE_S, Gate, Senses
from edge_agent.upload_traffic import Meter
from tests.delivery_room import Room
from tests.fixed_clock import MORNING, FixedClock
from uploader.limits import Limits
from uploader.policy import Policy
from uploader.timetable import Timetable

pytestmark = pytest.mark.usefixtures("phnom_penh")
LINKS = frozenset({"platform"})


@dataclass
class Surroundings:
    metered: bool | None = None
    on_battery: bool = False
    agent_lives: bool = True

    def senses(self) -> Senses:
        return Senses(lambda: self.metered, lambda: self.on_battery, lambda: self.agent_lives)


@dataclass
class Fixture:
    room: Room
    clock: FixedClock
    around: Surroundings

    def gate(self, limit: str = "off") -> Gate:
        meter = Meter(self.room.ledger, self.clock, LINKS)
        said = Policy(Timetable(Limits.parse(limit)))
        gate = Gate(said, self.room.ledger, self.clock, self.around.senses(), meter, LINKS)
        gate.look()
        return gate

    def look(self, gate: Gate, seconds: float = LOOK_S) -> Gate:
        self.clock.pass_time(seconds)
        gate.look()
        return gate

    def record(self) -> None:
        now = self.clock.now()
        lecture = Lecture("R", State.RECORDING, now.utc_text, now.trust, now.boot, now.mono_ns)
        self.room.ledger.add_lecture(lecture, [])


@pytest.fixture
def fix(tmp_path: Path) -> Iterator[Fixture]:
    room = Room(tmp_path)
    room.package("L1", {"manifest.json": b"m", "b": b"b", "presenter.mp4": b"v"})
    yield Fixture(room, FixedClock(utc=MORNING), Surroundings())
    room.ledger.close()


def row(fix: Fixture, name: str, destination: str = "platform") -> OutboxRow:
    found = fix.room.row(name)
    return OutboxRow.of({**found.columns(), "destination": destination})  # type: ignore[arg-type]


def may(fix: Fixture, gate: Gate) -> tuple[bool, bool]:
    """May the manifest, may the full quality go?"""
    return gate.open_for(row(fix, "manifest.json")), gate.open_for(row(fix, "presenter.mp4"))


def test_the_hour_is_the_rooms_own(fix: Fixture) -> None:
    gate = fix.gate("08:00,pause 12:00,256k 18:00,off")
    assert may(fix, gate) == (False, False)
    gate = fix.look(gate, 2 * 3600)
    assert may(fix, gate) == (True, True)
    gate.on_way(row(fix, "presenter.mp4"))
    assert gate.limit().rate == 256 << 10


def test_an_order_of_people_holds_within_a_second_and_is_over_when_they_say_so(
    fix: Fixture,
) -> None:
    gate = fix.gate()
    fix.room.ledger.order_upload(fix.clock.now(), "pause")
    assert may(fix, fix.look(gate)) == (False, False)
    fix.room.ledger.order_upload(fix.clock.now(), "now", lectures=["L1"])
    assert may(fix, fix.look(gate)) == (True, True)
    fix.room.ledger.order_upload(fix.clock.now(), "pause")
    assert may(fix, fix.look(gate)) == (False, False)
    fix.room.ledger.order_upload(fix.clock.now(), "resume")
    assert may(fix, fix.look(gate)) == (True, True)


def test_while_a_lecture_is_recorded_only_the_first_stages_go(fix: Fixture) -> None:
    gate = fix.gate()
    fix.record()
    assert may(fix, fix.look(gate)) == (True, False)
    assert gate.open_for(row(fix, "presenter.mp4", "stick")), "a folder needs no link"
    fix.room.ledger.set_state("R", State.FINISHING)
    assert may(fix, fix.look(gate)) == (True, True)


def test_a_lecture_that_a_dead_agent_left_behind_holds_up_nothing(fix: Fixture) -> None:
    fix.record()
    fix.around.agent_lives = False
    assert may(fix, fix.gate()) == (True, True)


def test_the_price_of_the_link_and_the_battery_are_seen_soon(fix: Fixture) -> None:
    gate = fix.gate()
    gate.on_way(row(fix, "presenter.mp4"))
    fix.around.metered = True
    assert may(fix, fix.look(gate, REST_S)) == (True, False)
    fix.around.metered, fix.around.on_battery = None, True
    assert may(fix, fix.look(gate, SENSE_S)) == (False, False)
    fix.around.on_battery = False
    assert may(fix, fix.look(gate, SENSE_S)) == (True, True)
    assert gate.document()["metered"] is None


def test_a_budget_that_is_used_up_ends_a_file_on_its_way(fix: Fixture) -> None:
    meter = Meter(fix.room.ledger, fix.clock, LINKS)
    said = Policy(Timetable(Limits.parse("off")), month_bytes=1000)
    gate = Gate(said, fix.room.ledger, fix.clock, fix.around.senses(), meter, LINKS)
    gate.look()
    meter.add("platform", 899)
    assert may(fix, fix.look(gate)) == (True, True)
    meter.add("platform", 1)
    assert may(fix, fix.look(gate)) == (True, False)
    assert gate.document()["full_quality"]["why"] == "month budget"


def test_a_file_that_would_begin_anew_stops_for_people_and_their_hours_only(fix: Fixture) -> None:
    meter = Meter(fix.room.ledger, fix.clock, LINKS)
    said = Policy(Timetable(Limits.parse("off")))
    around = fix.around.senses()
    gate = Gate(said, fix.room.ledger, fix.clock, around, meter, LINKS, whole=LINKS)
    film = row(fix, "presenter.mp4")
    fix.record()
    fix.look(gate)
    assert (gate.open_for(film), gate.breaks_off(film)) == (False, False)
    fix.room.ledger.order_upload(fix.clock.now(), "pause")
    assert fix.look(gate).breaks_off(film)
    assert fix.look(fix.gate("pause")).breaks_off(film)


def test_each_change_is_one_line_in_the_log(fix: Fixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "upload")
    gate = fix.gate()
    fix.record()
    for _ in range(20):
        fix.look(gate)
    lines = [record.message for record in caplog.records]
    assert lines == [
        "first stages: no limit",
        "full quality: no limit",
        "first stages: no limit",
        "full quality: a lecture is being recorded",
    ]
