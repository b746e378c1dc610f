"""What MQTT tells of a room, as it stands in status and ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.clock import Now
from edge_agent.commands.mqtt_room import looking, unknown
from edge_agent.config import Config
from edge_agent.mqtt.view import Snapshot
from tests.panel.served import HandMade, track


@pytest.fixture
def room(tmp_path: Path) -> Iterator[HandMade]:
    room = HandMade(tmp_path)
    yield room
    room.ledger.close()


def seen(room: HandMade) -> Snapshot:
    config = Config.model_validate(
        {
            "room": {"name": "B-204"},
            "storage": {
                "spool": room.spool.root,
                "runtime": room.runtime.root,
                "least_free_mib": 0,
            },
        }
    )
    now = Now(time.monotonic_ns(), datetime.now(UTC), _boot(), "synchronised")
    look, end = looking(config, room.spool, room.runtime, _At(now))
    try:
        return look()
    finally:
        end()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass
class _At:
    at: Now

    def now(self) -> Now:
        return self.at

    def mono_ns(self) -> int:
        return self.at.mono_ns


def test_a_room_without_an_agent_is_offline(room: HandMade) -> None:
    it = seen(room)
    assert (it.state.word, it.state.alerts, it.health.agent) == (
        "not_ready",
        ["device_offline"],
        False,
    )
    assert unknown("B-204", "x").state.alerts == ["device_offline"]


def test_a_room_at_rest_is_ready_and_calls_nobody(room: HandMade) -> None:
    with room.alive():
        it = seen(room)
    assert (it.state.word, it.state.alerts, it.health.agent) == ("ready", [], True)
    assert [(t.name, t.role) for t in it.state.tracks] == [
        ("camera", "camera"),
        ("microphone", "microphone"),
    ]


def test_a_room_that_has_lost_every_device_is_offline_and_one_that_has_lost_one_is_not(
    room: HandMade,
) -> None:
    lost = {"phase": "absent", "reason": "unplugged"}
    with room.alive():
        room.say(tracks={"camera": track("video", **lost), "microphone": track("audio")})
        assert seen(room).state.alerts == []
        both = {"camera": track("video", **lost), "microphone": track("audio", **lost)}
        room.say(tracks=both)
        assert seen(room).state.alerts == ["device_offline"]


def test_events_of_this_boot_are_told_in_their_order(room: HandMade) -> None:
    now = Now(time.monotonic_ns(), datetime.now(UTC), _boot(), "synchronised")
    before = Now(1, datetime.now(UTC), "another boot", "synchronised")
    for moment, kind in ((before, "old"), (now, "one"), (now, "two")):
        room.ledger.add_event(moment, kind, "x" * 5000, None)
    events = seen(room).events
    assert [event.kind for event in events] == ["one", "two"]
    assert all(len(event.text) <= 240 for event in events)


def test_the_turn_changes_with_what_people_do_and_with_nothing_else(room: HandMade) -> None:
    with room.alive():
        first = seen(room).state.turn
        room.say(tracks={"camera": track("video"), "microphone": track("audio", peak=-3.0)})
        assert seen(room).state.turn == first
        room.say(muted=True)
        assert seen(room).state.turn != first
