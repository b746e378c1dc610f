"""A room that is revoked: its user is taken from the broker, and what it holds opens nothing."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from os import kill
from pathlib import Path

import pytest

from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.link import Broker, Link, LinkLost
from edge_agent.mqtt.topics import Topics
from tests.hardware_fixtures import wait_for
from tests.servers.mosquitto import Mosquitto

ROOMS = {name: Topics("royal", name) for name in ("b-204", "b-205")}
USERS = {name: f"{name}-secret" for name in ROOMS}
HANG_S = 60.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, USERS, acl([Account(it, name) for name, it in ROOMS.items()]))
    broker.start()
    yield broker
    broker.kill()


def connected(broker: Mosquitto, name: str) -> Link:
    """The room's own connection. Raises LinkLost."""
    place = Broker("localhost", broker.port, True, name, broker.ca)
    link = Link(place, ROOMS[name], lambda: USERS[name], lambda _: None)
    try:
        link.open()
        wait_for(lambda: link.turn(0.05) is not None and link.connected, "the connection", HANG_S)
    except LinkLost:
        link.close()
        raise
    return link


def lost(link: Link) -> bool:
    try:
        link.turn(0.05)
    except LinkLost:
        return True
    return False


def refused(broker: Mosquitto, name: str) -> bool:
    """So that people have to change something before it is let in."""
    try:
        connected(broker, name).close()
    except LinkLost as error:
        return error.hopeless and "refuses this room" in str(error)
    return False


def test_whose_user_is_taken_away_is_put_out_at_once_and_not_let_in_again(
    broker: Mosquitto,
) -> None:
    revoked, other = connected(broker, "b-204"), connected(broker, "b-205")
    command = ["mosquitto_passwd", "-D", str(broker.root / "passwords"), "b-204"]
    subprocess.run(command, check=True, capture_output=True, timeout=HANG_S)
    kill(broker.pid, signal.SIGHUP)  # as `systemctl reload mosquitto` does
    try:
        wait_for(lambda: lost(revoked), "the end of its connection", HANG_S)
        assert refused(broker, "b-204")
        assert not lost(other)
    finally:
        revoked.close()
        other.close()
