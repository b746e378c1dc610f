"""This room as a capture agent of an Opencast: what it tells, in which order, and what it hears."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.agent_room import RoomSeen, Told
from edge_agent.calendar_copies import CalendarSync
from edge_agent.capture_agent import CaptureAgent, OpencastCalendar
from edge_agent.config_destinations import agent_calendar
from edge_agent.config_schedule import CalendarConfig
from edge_agent.finish_messages import Artifact
from edge_agent.ledger import Ledger
from edge_agent.ledger_memory import LedgerMemory
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules.bookings import Outcome
from edge_agent.rules.capture_agent import (
    AgentState,
    Booked,
    RecordingState,
    Seen,
    agent_state,
    event_of,
    untold,
    way,
)
from edge_agent.rules.lecture import State
from edge_agent.schedule_store import ScheduleStore
from edge_agent.spool import Runtime, Spool
from tests.fixed_clock import FixedClock
from tests.servers.opencast import Opencast
from tests.servers.opencast_client import Straight
from uploader.bodies import Source
from uploader.exchange import Answer, Request
from uploader.opencast_notes import EVENT

BASE = "https://opencast.example.org"
AGENT, DESTINATION = "room-7", "platform"
EVENT_ID = "6f1c2c0e-9a53-4a3e-8d5e-0c3f6f0f7a11"
KEY = f"@platform:{EVENT_ID}|"
MORNING = {"start": "20261123T030000Z", "end": "20261123T043000Z"}
BOOKED = {"uid": EVENT_ID, "agent": AGENT, "title": "Soil physics", **MORNING}
ARMED = {"camera": {"phase": "armed", "flavor": "presenter/source"}}

any_booked = st.builds(
    Booked,
    event=st.just(EVENT_ID),
    state=st.sampled_from([None, *State]),
    missed=st.booleans(),
    sending=st.booleans(),
    sent=st.booleans(),
)


# ---------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (Seen(), AgentState.ERROR),
        (Seen(alive=True, phases={"camera": "absent"}), AgentState.ERROR),
        (Seen(alive=True, phases={"camera": "absent", "mic": "armed"}), AgentState.IDLE),
        (Seen(True, {"mic": "recording"}, recording=True), AgentState.CAPTURING),
        (Seen(True, {"mic": "armed"}, booked=(Booked("e", State.PACKAGED, sending=True),)),
         AgentState.UPLOADING),
        (Seen(True, {"mic": "armed"}, booked=(Booked("e", State.DELIVERED, sent=True),)),
         AgentState.IDLE),
    ],
)  # fmt: skip
def test_of_all_that_is_true_the_agent_says_what_matters_most(
    seen: Seen, state: AgentState
) -> None:
    assert agent_state(seen) is state


@pytest.mark.parametrize(
    ("booked", "states"),
    [
        (Booked("e", None), ""),
        (Booked("e", None, missed=True), "capture_error"),
        (Booked("e", State.RECORDING), "capturing"),
        (Booked("e", State.PAUSED), "capturing"),
        (Booked("e", State.FINISHING), "capturing capture_finished"),
        (Booked("e", State.PACKAGED, sending=True), "capturing capture_finished uploading"),
        (
            Booked("e", State.DELIVERED, sent=True),
            "capturing capture_finished uploading upload_finished",
        ),
        (Booked("e", State.FAILED), "capturing capture_error"),
    ],
)
def test_an_event_goes_through_opencasts_own_states(booked: Booked, states: str) -> None:
    assert [str(each) for each in way(booked)] == states.split()


@given(any_booked, st.sampled_from(["", *map(str, RecordingState)]))
def test_after_all_has_been_told_nothing_is_left(booked: Booked, told: str) -> None:
    rest = untold(booked, told)
    assert untold(booked, str(rest[-1]) if rest else told) == () or not way(booked)
    assert rest == () or rest == way(booked)[-len(rest) :]


def test_only_the_bookings_of_that_calendar_are_its_events() -> None:
    assert event_of(KEY, "@platform") == EVENT_ID
    assert event_of(f"{KEY}20261123T030000Z", "@platform") == EVENT_ID
    assert event_of(f"platform:{EVENT_ID}|20261123T030000Z", "@platform") == ""
    assert event_of("@platform:sha256-aaaa|20261123T030000Z", "@platform") == ""
    assert event_of("", "@platform") == ""


# ---------------------------------------------------------------- the whole, at a strict Opencast


class AgentRoom:
    """A room with its spool, its ledger and what its agent says of itself."""

    def __init__(self, home: Path) -> None:
        self.spool, self.runtime = Spool(home / "spool"), Runtime(home / "run")
        self.spool.root.mkdir()
        self.runtime.root.mkdir()
        self.ledger = Ledger.create(self.spool.ledger)
        self.clock = FixedClock(utc=datetime(2026, 11, 23, 2, 50, tzinfo=UTC))
        self.alive = True
        (home / "opencast").mkdir()
        self.opencast = Opencast(home / "opencast", BASE)
        self.opencast.wish(schedule=[BOOKED])
        self.way = Straight(self.opencast)
        self.store = ScheduleStore(self.spool.schedule)
        self.status()
        self.agent = self.started()

    def started(self) -> CaptureAgent:
        """As after a start of its process."""
        name, zone = agent_calendar(DESTINATION), "Asia/Phnom_Penh"
        asking = OpencastCalendar(BASE, AGENT, self.exchange)
        sync = CalendarSync(self.store, {name: CalendarConfig(url=BASE)}, zone, asking)
        seen = RoomSeen(DESTINATION, self.spool, self.runtime, lambda: self.alive)
        told = Told(self.spool.schedule / f"agent-{DESTINATION}.json")
        calendar = partial(sync.sync, name)
        return CaptureAgent(AGENT, BASE, zone, self.exchange, seen, told, calendar)

    def exchange(self, request: Request) -> Answer:
        with Source(None) as nothing:
            return self.way.exchange(request, nothing, lambda _phase, _done: None)

    def status(self, lecture: str | None = None, **tracks: dict[str, str]) -> None:
        said = {"tracks": tracks or ARMED, "lecture": {"id": lecture} if lecture else None}
        self.runtime.status.write_text(json.dumps(said))

    def step(self, seconds: float = 10.0) -> str | None:
        return self.agent.step(self.clock.pass_time(seconds))

    def lecture(self, state: State, key: str = "", name: str = "L1") -> None:
        """The booked lecture, as the supervisor notes it."""
        now, key = self.clock.now(), key or KEY
        if self.ledger.lecture(name) is None:
            row = Lecture(name, state, now.utc_text, now.trust, now.boot, now.mono_ns, booking=key)
            self.ledger.add_lecture(row, [])
            times = ("2026-11-23T03:00:00.000Z", "2026-11-23T04:30:00.000Z")
            self.ledger.note_booking(BookingRow(key, *times, str(Outcome.BEGUN), lecture=name))
        self.ledger.set_state(name, state)

    @property
    def heard(self) -> dict[str, Any]:
        """What Opencast knows."""
        return self.opencast.state()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AgentRoom]:
    made = AgentRoom(tmp_path)
    yield made
    made.ledger.close()


def test_a_room_registers_says_what_it_has_and_knows_its_bookings(room: AgentRoom) -> None:
    assert room.step() == ""
    [(name, agent)] = room.heard["agents"].items()
    assert (name, agent["states"]) == (AGENT, ["idle"])
    assert agent["has"] == {
        "capture.device.names": "camera",
        "capture.device.camera.flavor": "presenter/source",
        "capture.device.timezone": "Asia/Phnom_Penh",
    }
    calendar = room.store.calendar("@platform")
    assert calendar is not None
    assert [b.title for b in calendar.bookings] == ["Soil physics"]


def test_what_has_changed_is_told_at_once_and_what_has_not_now_and_then(room: AgentRoom) -> None:
    room.step()
    before = len(room.way.asked)
    room.step()
    assert len(room.way.asked) == before
    room.status("L1", camera={"phase": "recording", "flavor": "presenter/source"})
    room.step()
    assert room.heard["agents"][AGENT]["states"] == ["idle", "capturing"]
    room.step(130)
    assert room.heard["agents"][AGENT]["states"] == ["idle", "capturing", "capturing"]


def test_a_dead_agent_is_told_as_one(room: AgentRoom) -> None:
    room.step()
    room.alive = False
    room.step()
    assert room.heard["agents"][AGENT]["states"] == ["idle", "error"]
    assert room.heard["agents"][AGENT]["has"]["capture.device.names"] == "camera"


def test_an_event_is_followed_to_its_end(room: AgentRoom) -> None:
    room.step()
    room.clock.pass_time(700)
    room.lecture(State.RECORDING)
    room.step()
    room.lecture(State.FINISHING)
    room.step()
    room.lecture(State.PACKAGED)
    video = Artifact(name="presenter.mp4", bytes=9, sha256="aa", media_type="video/mp4", priority=1)
    room.ledger.enqueue("L1", [video], [DESTINATION])
    room.ledger.set_transfer(DESTINATION, "L1", EVENT.name, EVENT.sha256, {"package": "<x/>"})
    room.step()
    [row] = room.ledger.outbox("L1")
    room.ledger.delivered(row, {"state": "received"}, room.clock.now())
    room.step()
    room.step()
    whole = ["capturing", "capture_finished", "uploading", "upload_finished"]
    assert room.heard["recordings"] == {EVENT_ID: whole}


def test_after_an_outage_the_states_that_were_missed_are_told_in_order(room: AgentRoom) -> None:
    room.step()
    room.clock.pass_time(700)
    room.opencast.wish(faults=[["/", "unheard"]] * 6)
    room.lecture(State.RECORDING)
    assert "cut" in (room.step(130) or "")
    room.lecture(State.PACKAGED)
    for _ in range(8):
        room.step(300)
    assert room.heard["recordings"] == {EVENT_ID: ["capturing", "capture_finished"]}


def test_what_was_told_is_known_after_a_restart_and_told_again_when_lost(room: AgentRoom) -> None:
    room.step()
    room.clock.pass_time(700)
    room.lecture(State.RECORDING)
    room.step()
    room.agent = room.started()
    room.step()
    assert room.heard["recordings"] == {EVENT_ID: ["capturing"]}
    (room.spool.schedule / "agent-platform.json").write_text("{half")
    room.agent = room.started()
    room.step()
    assert room.heard["recordings"] == {EVENT_ID: ["capturing", "capturing"]}


def test_a_missed_event_is_an_error_and_one_that_was_taken_out_stops_nothing(
    room: AgentRoom,
) -> None:
    room.step()
    room.clock.pass_time(7000)
    times = ("2026-11-23T03:00:00.000Z", "2026-11-23T04:30:00.000Z")
    room.ledger.note_booking(BookingRow(KEY, *times, str(Outcome.MISSED)))
    room.opencast.wish(schedule=[])
    assert room.step() == ""
    assert room.heard["recordings"] == {}
    requests = len(room.way.asked)
    room.step()
    assert len(room.way.asked) == requests


@pytest.mark.parametrize("status", [302, 401, 403, 500, 503])
def test_whoever_is_refused_says_so_and_tries_again_later(room: AgentRoom, status: int) -> None:
    room.opencast.wish(faults=[["/capture-admin", status]])
    assert room.step()
    assert room.step() is None
    assert room.step(20) == ""
    assert room.heard["agents"][AGENT]["states"] == ["idle"]


def test_a_calendar_that_does_not_answer_leaves_the_copy(room: AgentRoom) -> None:
    room.step()
    room.opencast.wish(faults=[["/recordings/calendars", "unheard"]])
    room.step(301)
    calendar = room.store.calendar("@platform")
    assert calendar is not None
    assert [b.title for b in calendar.bookings] == ["Soil physics"]
    assert calendar.trouble


def test_the_mark_goes_back_byte_for_byte(room: AgentRoom) -> None:
    room.step()
    room.step(301)
    calendar = room.store.calendar("@platform")
    assert calendar is not None
    assert calendar.etag.startswith("mod")
    assert '"' not in calendar.etag


@pytest.mark.parametrize("registry", ["one", "many", "none"])
def test_services_are_found_by_the_registry_or_where_they_always_are(
    room: AgentRoom, registry: str
) -> None:
    room.opencast.wish(registry=registry)
    assert room.step() == ""
    assert room.heard["agents"][AGENT]["states"] == ["idle"]


def test_a_booked_lecture_is_ingested_as_its_event_and_a_second_one_as_its_own(
    room: AgentRoom,
) -> None:
    memory = LedgerMemory(room.ledger, DESTINATION)
    room.lecture(State.FAILED, name="L0")
    room.lecture(State.PACKAGED, name="L1")
    room.lecture(State.PACKAGED, name="L2")
    room.lecture(State.PACKAGED, key="campus:other|20261123T030000Z", name="L3")
    ids = {name: memory.event(name) for name in ("L1", "L2", "L3", "gone")}
    assert ids == {"L1": EVENT_ID, "L2": "L2", "L3": "L3", "gone": "gone"}


def test_a_booking_is_told_of_whatever_happens_beside_it(
    room: AgentRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that cannot be read, a disk that takes no file: words, and another try."""

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    room.step()
    room.clock.pass_time(700)
    room.lecture(State.RECORDING)
    with monkeypatch.context() as patch:
        patch.setattr(Told, "write", refuse)
        assert "no space left" in (room.step() or "")
    assert room.step(60) == ""
    assert room.heard["recordings"][EVENT_ID][-1] == "capturing"
