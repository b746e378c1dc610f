"""The desk's alerts on a real mosquitto: each told once, over kills of the desk and its broker."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from edge_agent.alerting.service import Service
from edge_agent.cli import app
from edge_agent.commands import fleet_watch
from edge_agent.commands.alerts import document
from edge_agent.commands.fleet_broker import IN_INVENTORY, Wish, desk
from edge_agent.fleet.inventory import webhooks
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.messages import Health, State
from edge_agent.mqtt.topics import Topics
from edge_agent.secrets import Secrets
from tests.fixed_clock import FixedClock
from tests.servers.mosquitto import Mosquitto
from tests.servers.webhook import SECRET, Receiver
from tests.servers.webhook import receiver as receiver

ROOMS = {name: Topics("royal", name) for name in ("b-204", "b-205")}
USERS = {**{f"room-{name}": f"{name}-secret" for name in ROOMS}, "desk": "desk-secret"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    written = acl([Account(it, f"room-{name}") for name, it in ROOMS.items()], desks=["desk"])
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), USERS, written)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def say(broker: Mosquitto, name: str, online: bool) -> None:
    """What a broker keeps of a room, and of one whose will it has told."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    state = State(word="ready", at=at, room=name.upper())
    health = Health(at=at, agent=True, clock="synchronised")
    values = {"state": state.model_dump(mode="json"), "health": health.model_dump(mode="json")}
    for topic, value in {"online": online, **values}.items():
        where = f"{ROOMS[name].prefix}/{topic}"
        done = broker.run("pub", f"room-{name}", "-r", "-t", where, "-m", json.dumps(value))
        assert done.returncode == 0, done.stderr


def inventory(folder: Path, broker: Mosquitto, receiver: Receiver) -> Path:
    (folder / "credentials").mkdir(exist_ok=True)
    for name, secret in (("desk", SECRET), ("broker", USERS["desk"])):
        (folder / "credentials" / name).write_text(secret)
        (folder / "credentials" / name).chmod(0o600)
    file = folder / "fleet.toml"
    file.write_text(
        f'[broker]\nurl = "mqtts://localhost:{broker.port}"\nusername = "desk"\n'
        f'password_file = "{folder}/credentials/broker"\nca_file = "{broker.ca}"\n'
        '[rooms.B-204]\nsite = "Royal"\n[rooms.B-205]\nsite = "Royal"\n'
        f'[webhooks.desk]\nurl = "{receiver.url()}"\ncredential = "desk"\n'
    )
    return file


@dataclass
class Watching:
    """The desk's process as it is put together, with a clock that the test moves."""

    file: Path
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A new process; the one before is gone as by a kill."""
        self.desk = desk(Wish(IN_INVENTORY), self.file, "", "")
        look, _ = fleet_watch.looking(self.desk, also=False)
        kept_ = (self.file.parent, webhooks(self.file), Secrets.of({}, self.file.parent))
        self.service: Service
        self.service, _ = fleet_watch.furnish(
            kept_, (look, self.desk.close), 60.0, self.clock, lambda: False, lambda _: None
        )
        # In this thread, so that nothing depends on which of two is faster.
        self.service.sight = lambda _: look()
        self.service.chance = random.Random(1).random
        self.service.open()

    def hears(self, name: str, online: bool) -> None:
        """Until what the broker keeps of it has arrived."""
        deadline = time.monotonic() + 120
        while [it.online for it in self.desk.rooms(0.1) if it.room == f"royal/{name}"] != [online]:
            assert time.monotonic() < deadline

    def passes(self, looks: int) -> None:
        """So many looks, half a minute apart."""
        for _ in range(looks):
            self.clock.pass_time(30)
            self.service.step()
            for place in self.service._places.values():
                if place.under_way is not None:
                    place.under_way.exception(timeout=60)

    def killed(self) -> None:
        self.desk.close()
        for place in self.service._places.values():
            place.thread.shutdown()


def test_a_room_that_went_is_told_once_whatever_becomes_of_the_desk_and_its_broker(
    broker: Mosquitto, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_watch, "FOLLOW_S", 0.1)
    for name in ROOMS:
        say(broker, name, online=True)
    watching = Watching(inventory(tmp_path, broker, receiver))
    watching.hears("b-205", online=True)
    watching.passes(4)
    assert receiver.letters == []

    say(broker, "b-204", online=False)
    watching.hears("b-204", online=False)
    watching.passes(4)
    watching.killed()
    watching.begin()
    watching.passes(4)
    [away_] = receiver.letters
    assert (away_["type"], away_["data"]["alert"]) == ("alert.raised", "device_offline")
    facts = {name: away_["data"][name] for name in ("by", "room", "place")}
    assert facts == {"by": "desk", "room": "B-204", "place": "royal/b-204"}
    assert "offline, last heard at" in away_["data"]["text"]

    broker.kill()
    watching.passes(5)
    assert [it["data"]["room"] for it in receiver.letters] == ["B-204", "desk"]
    assert "nobody is called" in receiver.letters[1]["data"]["text"]

    # It has forgotten all rooms; those of the file are known to be missing.
    broker.start()
    say(broker, "b-205", online=True)
    watching.passes(3)
    say(broker, "b-204", online=True)
    watching.hears("b-204", online=True)
    watching.passes(3)
    watching.service.close()
    watching.desk.close()
    ended = [it["data"] for it in receiver.letters[2:]]
    assert [it["type"] for it in receiver.letters[2:]] == ["alert.resolved"] * 2
    assert [it["room"] for it in ended] == ["desk", "B-204"]
    assert ended[1]["id"] == away_["data"]["id"]
    for letter in receiver.letters:
        Draft202012Validator(json.loads(document())).validate(letter)
    assert receiver.forged == 0


def test_without_a_webhook_the_desk_says_how_to_have_one(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_text('[rooms.b-204]\nsite = "royal"\n')
    words = ["fleet", "watch", "--inventory", str(tmp_path / "fleet.toml"), "--state", "/dev/null"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 6
    assert "[webhooks.NAME]" in done.stderr
