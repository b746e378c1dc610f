"""The desk's process: killed at any moment, and its broker too, it tells of each room once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.locks import is_held
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.messages import Health, State
from edge_agent.mqtt.topics import Topics
from tests.process.classroom import HANG_S, until
from tests.servers.mosquitto import Mosquitto
from tests.servers.webhook import SECRET, Receiver
from tests.servers.webhook import receiver as receiver

ROOMS = {name: Topics("royal", name) for name in ("b-204", "b-205")}
USERS = {**{f"room-{name}": f"{name}-secret" for name in ROOMS}, "desk": "desk-secret"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    written = acl([Account(it, f"room-{name}") for name, it in ROOMS.items()], desks=["desk"])
    broker = Mosquitto(folder, USERS, written)
    broker.start()
    yield broker
    broker.kill()


def say(broker: Mosquitto, name: str, online: bool) -> None:
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    told = {
        "online": online,
        "state": State(word="ready", at=at, room=name.upper()).model_dump(mode="json"),
        "health": Health(at=at, agent=True, clock="synchronised").model_dump(mode="json"),
    }
    for topic, value in told.items():
        where = f"{ROOMS[name].prefix}/{topic}"
        done = broker.run("pub", f"room-{name}", "-r", "-t", where, "-m", json.dumps(value))
        assert done.returncode == 0, done.stderr


def desk(folder: Path) -> subprocess.Popen[bytes]:
    """It calls at once for what it does not see."""
    words = ["fleet", "watch", "--inventory", f"{folder}/fleet.toml", "--state", str(folder)]
    command = [sys.executable, "-m", "edge_agent.cli", *words, "--after", "0"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def told_of(receiver: Receiver, place: str) -> set[tuple[str, str, str]]:
    """What was posted of a room: kind, the alert's id, the letter's id."""
    both = zip(receiver.letters, receiver.headers, strict=True)
    return {
        (letter["type"], letter["data"]["id"], headers["webhook-id"])
        for letter, headers in both
        if letter["data"]["place"] == place
    }


@pytest.mark.slow
def test_kills_of_the_desk_and_of_its_broker_tell_no_room_twice(
    broker: Mosquitto, receiver: Receiver, tmp_path: Path
) -> None:
    """The file names no room: who forgets it here has lost it."""
    (tmp_path / "credentials").mkdir()
    for name, secret in (("desk", SECRET), ("broker", USERS["desk"])):
        (tmp_path / "credentials" / name).write_text(secret)
        (tmp_path / "credentials" / name).chmod(0o600)
    (tmp_path / "fleet.toml").write_text(
        f'[broker]\nurl = "mqtts://localhost:{broker.port}"\nusername = "desk"\n'
        f'password_file = "{tmp_path}/credentials/broker"\nca_file = "{broker.ca}"\n'
        f'[webhooks.desk]\nurl = "{receiver.url()}"\ncredential = "desk"\n'
    )
    say(broker, "b-204", online=False)
    say(broker, "b-205", online=True)
    process = desk(tmp_path)
    until("somebody is called for b-204", lambda: told_of(receiver, "royal/b-204"))
    process.kill()
    process.wait(HANG_S)
    broker.kill()
    process = desk(tmp_path)
    until("it is at work again", lambda: is_held(tmp_path / "watch.lock"))
    process.kill()
    process.wait(HANG_S)

    broker.start()
    say(broker, "b-205", online=False)
    process = desk(tmp_path)
    until("somebody is called for b-205", lambda: told_of(receiver, "royal/b-205"))
    process.terminate()
    assert process.wait(HANG_S) == 0
    for place in ("royal/b-204", "royal/b-205"):
        assert [kind for kind, _, _ in told_of(receiver, place)] == ["alert.raised"]
    standing = json.loads((tmp_path / "alerts.json").read_bytes())["standing"]
    places = Counter(it["data"]["place"] for it in standing)
    assert {"royal/b-204", "royal/b-205"} <= places.keys()
    assert set(places.values()) == {1}
    assert receiver.forged == 0
