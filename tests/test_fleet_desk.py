"""What a desk makes of a broker that forgets, goes away, and of rooms that are taken out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.alerting import outbox
from edge_agent.cli import app
from edge_agent.commands.fleet_broker import Desk
from edge_agent.commands.fleet_watch import called_for, looking, sender
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.mqtt.link import Broker, LinkLost
from edge_agent.mqtt.reader import Heard, Place, Reader
from edge_agent.mqtt.topics import ROOT
from edge_agent.rules.alerts import Cause
from tests.servers.webhook import SECRET, Receiver

B204 = ("royal", "b-204")
STATE = {"word": "recording", "at": "2026-11-23T02:59:30Z", "room": "B-204"}


@dataclass
class KeptByBroker:
    """A broker as a desk sees it: what it keeps, and whether it is there."""

    rooms: dict[Place, Heard] = field(default_factory=dict)
    taken_out: set[Place] = field(default_factory=set)
    there: bool = True
    connections: int = 0

    def reader(self) -> Any:
        self.connections += 1
        return SimpleNamespace(
            rooms=self.rooms,
            taken_out=self.taken_out,
            open=self._look,
            follow=lambda _: self._look(),
            close=lambda: None,
        )

    def _look(self) -> None:
        if not self.there:
            raise LinkLost("it refuses the connection")

    def has(self, place: Place, online: bool) -> None:
        self.rooms[place] = Heard({"online": online, "state": STATE})

    def forgets(self) -> None:
        """It starts again without a memory; whoever was connected is not any more."""
        self.rooms = {}
        self.taken_out = set()


def watching(broker: KeptByBroker, *known: str) -> tuple[Desk, Callable[[], list[Cause]]]:
    desk = Desk(broker.reader, known, (), rest=lambda _: None)
    look, _ = looking(desk, also=False)
    return desk, lambda: list(look())


# ---------------------------------------------------------------- a broker that forgets


def test_a_room_that_was_away_when_its_broker_forgot_it_is_away_still() -> None:
    broker = KeptByBroker()
    _, look = watching(broker)
    broker.has(B204, online=False)
    [before] = look()
    for there in (False, True):
        broker.there = there
        broker.forgets()
        causes = look()
    [after] = causes
    assert (after.key, after.room) == (before.key, "B-204")
    assert "last heard at 2026-11-23 02:59 UTC" in after.text


def test_a_room_that_does_not_come_back_with_its_broker_is_away() -> None:
    broker = KeptByBroker()
    _, look = watching(broker)
    broker.has(B204, online=True)
    assert look() == []
    broker.there = False
    assert [it.subject for it in look()] == ["(desk)"]
    broker.there = True
    broker.forgets()
    assert [it.subject for it in look()] == ["royal/b-204"]
    broker.has(B204, online=True)
    assert look() == []


def test_a_desk_that_starts_again_remembers_for_whom_it_has_called(tmp_path: Path) -> None:
    """Killed while its broker was away: neither of the two remembers the room."""
    file = tmp_path / "alerts.json"
    assert called_for(file) == []
    hook = WebhookConfig(url="https://alerts.test/", credential="desk")
    away = Cause("device_offline", "royal/b-204", "royal/b-204: offline", place="royal/b-204")
    at = outbox.Moment("2026-11-23T03:00:00.000Z", "synchronised")
    box = outbox.raised(outbox.Outbox(), sender({"desk": hook}), away, at, ("a", "b"))
    file.write_bytes(outbox.written(box))
    desk, look = watching(KeptByBroker())
    desk.remember(called_for(file))
    assert [it.key for it in look()] == [away.key]
    file.write_bytes(b"damaged")
    assert called_for(file) == []


@pytest.mark.parametrize("known", [(), ("royal/b-204",)])
def test_a_room_that_was_taken_out_is_missed_only_where_the_file_names_it(
    known: tuple[str, ...],
) -> None:
    broker = KeptByBroker()
    _, look = watching(broker, *known)
    broker.has(B204, online=False)
    broker.has(("royal", "b-205"), online=True)
    look()
    del broker.rooms[B204]
    broker.taken_out.add(B204)
    assert [it.subject for it in look()] == list(known)


def test_a_broker_that_is_away_is_given_the_time_between_two_looks() -> None:
    """A page that is written each minute was written thousands of times meanwhile."""
    broker, rests = KeptByBroker(), list[float]()
    desk = Desk(broker.reader, ["royal/b-204"], (), rest=rests.append)
    desk.standings()
    broker.there = False
    for _ in range(3):
        assert [it.state for it in desk.standings(60.0)] == ["NO ANSWER"]
    assert (rests, broker.connections) == ([60.0, 60.0], 3)
    broker.there = True
    assert [it.state for it in desk.standings(60.0)] == ["OFFLINE"]
    desk.standings(60.0)
    assert (rests, broker.connections) == ([60.0, 60.0, 60.0], 4)


# ---------------------------------------------------------------- what is heard


def hear(reader: Reader, name: str, payload: object) -> None:
    """A message of the room; None: an empty one, which takes out what was kept."""
    data = b"" if payload is None else json.dumps(payload).encode()
    message: Any = SimpleNamespace(topic=f"{ROOT}/royal/b-204/{name}", payload=data)
    reader._on_message(reader._client, None, message)


@pytest.fixture
def reader() -> Reader:
    return Reader(Broker("broker.test", 8883, tls=True), lambda: None)


def test_a_room_that_is_taken_out_topic_by_topic_leaves_nothing_behind(reader: Reader) -> None:
    for name, value in (("online", True), ("state", STATE)):
        hear(reader, name, value)
    assert reader.rooms[B204].table("state") == STATE
    for name in ("online", "state", "health", "queue"):
        hear(reader, name, None)
    assert (reader.rooms, reader.taken_out) == ({}, {B204})
    hear(reader, "online", True)
    assert (list(reader.rooms), reader.taken_out) == ([B204], set())


def test_a_room_may_be_taken_out_while_it_is_asked(reader: Reader) -> None:
    hear(reader, "online", True)
    assert not reader._whole([B204], 3)
    hear(reader, "online", None)
    assert reader._whole([B204], 3)


# ---------------------------------------------------------------- a letter for trying


@pytest.mark.parametrize(("mood", "code"), [("ok", 0), ("broken", 11)])
def test_the_desk_sends_a_test_and_watches_nothing(tmp_path: Path, mood: str, code: int) -> None:
    receiver = Receiver()
    try:
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials" / "desk").write_text(SECRET)
        (tmp_path / "credentials" / "desk").chmod(0o600)
        file = tmp_path / "fleet.toml"
        file.write_text(f'[webhooks.desk]\nurl = "{receiver.url(mood)}"\ncredential = "desk"\n')
        words = ["fleet", "watch", "--inventory", str(file), "--test", "--state", "/dev/null"]
        done = CliRunner().invoke(app, words)
    finally:
        receiver.close()
    assert (done.exit_code, receiver.forged) == (code, 0), done.output
    [letter] = receiver.letters
    assert (letter["type"], letter["data"]["by"]) == ("alert.test", "desk")
    assert "it says nothing about any room" in letter["data"]["text"]
