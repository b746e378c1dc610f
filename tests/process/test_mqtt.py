"""MQTT beside a real agent: the broker comes, goes and dies, and no lecture notices."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.topics import Topics
from edge_agent.rules.lecture import State
from tests import transcripts
from tests.process.classroom import CAMERA, HANG_S, Classroom, until
from tests.process.conftest import MakeRoom
from tests.servers.mosquitto import Mosquitto

TOPICS = Topics("site", "room")
PREFIX = TOPICS.prefix
PASSWORDS = {"room": "r00m-secret", "desk": "desk-secret"}


class OnBroker:
    """A room with an agent and an MQTT process, and its broker."""

    def __init__(self, room: Classroom, broker: Mosquitto) -> None:
        self.room, self.broker = room, broker
        self._log = (room.root / "mqtt.log").open("ab")
        self.process = subprocess.Popen(
            room.cli("mqtt", "run"), cwd=room.root, stdout=self._log, stderr=self._log
        )

    def command(self, verb: str, number: str) -> dict[str, Any]:
        done = self.broker.run(
            "rr",
            "desk",
            *("-t", f"{PREFIX}/cmd/{verb}", "-e", f"{PREFIX}/answer/desk", "-W", "60"),
            *("-m", json.dumps({"id": number})),
            *("-D", "publish", "message-expiry-interval", "30"),
        )
        return dict(json.loads(done.stdout))

    def word(self) -> str:
        state = self.broker.retained("desk", TOPICS.state)
        return str(state["word"]) if state else ""

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(HANG_S)
        self._log.close()


@pytest.fixture
def on_broker(make_room: MakeRoom, tmp_path: Path) -> Iterator[OnBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, PASSWORDS, acl([Account(TOPICS, "room")], ["desk"]))
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "mqtt").write_text(PASSWORDS["room"])
    (credentials / "mqtt").chmod(0o600)
    settings = {
        "url": f"mqtts://localhost:{broker.port}",
        "username": "room",
        "credential": "mqtt",
        "ca_file": str(broker.ca),
    }
    broker.start()
    room = make_room({"camera": CAMERA}, mqtt=settings)
    room.start_agent()
    on = OnBroker(room, broker)
    try:
        yield on
    finally:
        on.close()
        broker.kill()


@pytest.mark.slow
def test_the_transcripts_of_the_documents_are_what_happens(tmp_path: Path) -> None:
    """After a change of what is said: python -m tests.transcripts"""
    assert transcripts.document(tmp_path) == transcripts.DOCUMENT.read_text()


@pytest.mark.slow
def test_a_lecture_by_mqtt_whose_broker_dies_in_the_middle(on_broker: OnBroker) -> None:
    room, broker = on_broker.room, on_broker.broker
    room.until_armed()
    until("the room is told to be ready", lambda: on_broker.word() == "ready")
    started = on_broker.command("start", "press-0001")
    assert started["ok"], started
    lecture = str(started["lecture"])
    until("the room is told to record", lambda: on_broker.word() == "recording")
    again = on_broker.command("start", "press-0001")
    assert {**again, "at": ""} == {**started, "at": ""}, "it is carried out once"

    broker.kill()
    before = float(room.track("camera")["durable_s"])
    room.until_durable(before + 3, "camera")
    assert on_broker.process.poll() is None
    room.command("stop")
    room.until_state(lecture, State.FINISHING, State.PACKAGED)
    with room.ledger() as ledger:
        assert ledger.gaps(lecture) == []
