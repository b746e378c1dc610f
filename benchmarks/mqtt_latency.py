"""How long after a controller's command is it carried out, and has the controller its answer?

A real agent, the real MQTT process and a real mosquitto with TLS on this PC, so the network costs
nothing. Beside it the same commands straight into the agent's inbox: what is left is MQTT's share.

    python -m benchmarks.mqtt_latency [REPEATS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row
from edge_agent.ledger import Ledger
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.judge import Incoming
from edge_agent.mqtt.link import Broker, Link
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.topics import Topics
from tests.process.classroom import CAMERA, Classroom, classroom
from tests.servers.mosquitto import Mosquitto

TOPICS = Topics("royal", "b-204")
PASSWORDS = {"room": "r00m-secret", "desk": "desk-secret"}
TARGET_MS = 200.0


class Desk:
    """A controller. It hears the room's answers as a room hears its commands."""

    def __init__(self, broker: Mosquitto) -> None:
        place = Broker("localhost", broker.port, True, "desk", broker.ca)
        self._link = Link(place, _Answers("royal", "desk"), lambda: PASSWORDS["desk"], print)
        self._link.open()
        while not self._link.connected:
            self._link.turn(0.1)

    def ask(self, verb: str, number: int) -> float:
        """Milliseconds until the answer is here."""
        topic = f"{TOPICS.prefix}/cmd/{verb}"
        payload = f'{{"id": "bench-{number:06}"}}'.encode()
        began = time.monotonic()
        self._link.publish(Post(topic, payload, expiry_s=10))
        while not self._answered(self._link.turn(0.5), number):
            if time.monotonic() - began > 30:
                raise SystemExit(f"no answer to {verb}")
        return (time.monotonic() - began) * 1000

    def _answered(self, heard: list[Incoming], number: int) -> bool:
        return any(f"bench-{number:06}".encode() in it.payload for it in heard)

    def close(self) -> None:
        self._link.close()


class _Answers(Topics):
    """A controller's own names, and what it subscribes to."""

    @property
    def commands(self) -> str:
        return f"{TOPICS.prefix}/answer/#"


def straight(room: Classroom, verb: str) -> float:
    """The same without MQTT."""
    began = time.monotonic()
    number = room.post(verb)
    ledger = Ledger.read(room.spool.ledger)
    try:
        while (command := ledger.command(number)) is None or command.answer is None:
            time.sleep(0.001)
    finally:
        ledger.close()
    return (time.monotonic() - began) * 1000


def measured(repeats: int) -> dict[str, tuple[list[float], list[float]]]:
    """By verb: over MQTT, and straight into the inbox; in turn."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "broker").mkdir()
        (root / "credentials").mkdir(mode=0o700)
        (root / "credentials/mqtt").write_text(PASSWORDS["room"])
        (root / "credentials/mqtt").chmod(0o600)
        rights = acl([Account(TOPICS, "room")], ["desk"])
        broker = Mosquitto(root / "broker", PASSWORDS, rights)
        broker.start()
        settings = {
            "url": f"mqtts://localhost:{broker.port}",
            "ca_file": str(broker.ca),
            "site": TOPICS.site,
            "room": TOPICS.room,
            "username": "room",
            "credential": "mqtt",
        }
        with classroom(root, {"camera": CAMERA}, mqtt=settings) as room:
            room.start_agent()
            room.until_armed()
            process = subprocess.Popen(room.cli("mqtt", "run"), stderr=subprocess.DEVNULL)
            try:
                while broker.retained("desk", TOPICS.online) is not True:
                    time.sleep(0.2)
                desk = Desk(broker)
                found = _in_turn(room, desk, repeats)
                desk.close()
                return found
            finally:
                process.terminate()
                process.wait()
                broker.kill()


def _in_turn(
    room: Classroom, desk: Desk, repeats: int
) -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {"mute": ([], []), "start": ([], [])}
    for number in range(repeats):
        found["mute"][0].append(desk.ask("mute", 3 * number))
        found["mute"][1].append(straight(room, "unmute"))
        for way, times in enumerate(found["start"]):
            ask = desk.ask("start", 3 * number + 1) if way == 0 else straight(room, "start")
            times.append(ask)
            room.until_durable(0.5)
            room.command("stop")
            room.until_armed()
    return found


def rows(repeats: int) -> list[Row]:
    return [
        Row(
            f"MQTT: {verb} → carried out, stored and answered",
            f"≤ {TARGET_MS:g} ms",
            f"median {statistics.median(over):.0f} ms, at most {max(over):.0f} ms; "
            f"{statistics.median(over) / statistics.median(inbox):.2f} × of what it takes "
            f"straight in the inbox ({statistics.median(inbox):.0f} ms)",
            statistics.median(over) <= TARGET_MS,
        )
        for verb, (over, inbox) in measured(repeats).items()
    ]


if __name__ == "__main__":
    print(*rows(int(sys.argv[1]) if sys.argv[1:] else 20), sep="\n")
