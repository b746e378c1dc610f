"""A broker of bytes: what it says strangely is no worse than a connection that is lost."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from edge_agent.mqtt.link import Broker, Link, LinkLost
from edge_agent.mqtt.packets import Post, publish_bytes
from edge_agent.mqtt.topics import Topics
from tests.hardware_fixtures import wait_for

TOPICS = Topics("royal", "b-204")
HANG_S = 30.0


class Bytes:
    """Says `first` to whoever connects, then listens; what it hears is in `heard`."""

    def __init__(self, first: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        self._first = first
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.sendall(self._first)
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    self.heard += piece

    def close(self) -> None:
        self._listener.close()
        self._thread.join(HANG_S)


CONNACK = bytes.fromhex("2003000000")


@pytest.fixture
def speaking() -> Iterator[Callable[[bytes], tuple[Bytes, Link]]]:
    made: list[tuple[Bytes, Link]] = []

    def make(first: bytes) -> tuple[Bytes, Link]:
        broker = Bytes(first)
        address = Broker("127.0.0.1", broker.port, tls=False)
        made.append((broker, Link(address, TOPICS, lambda: None, print, patience_s=1)))
        return made[-1]

    yield make
    for broker, link in made:
        link.close()
        broker.close()


Speaking = Callable[[bytes], tuple[Bytes, Link]]


@pytest.mark.parametrize("size", [0, 60, 120, 300, 17_000])
@pytest.mark.parametrize("expiry_s", [None, 60])
@pytest.mark.parametrize("mark", [b"", b"\x00" * 130])
def test_a_message_has_as_many_bytes_as_are_reckoned(
    speaking: Speaking, size: int, expiry_s: int | None, mark: bytes
) -> None:
    broker, link = speaking(CONNACK)
    link.open()
    wait_for(lambda: link.turn(0.05) or link.connected, "the connection", HANG_S)
    post = Post(TOPICS.state, b"x" * size, True, expiry_s, mark)
    subscribed = b"ea/1/royal/b-204/cmd/+"
    wait_for(lambda: link.turn(0.01) or subscribed in broker.heard, "the subscription", HANG_S)
    before = len(broker.heard)
    assert link.publish(post)
    wait_for(
        lambda: link.turn(0.01) or len(broker.heard) - before >= publish_bytes(post), "it", HANG_S
    )
    assert len(broker.heard) - before == publish_bytes(post)


@pytest.mark.parametrize(
    "words",
    [
        bytes.fromhex("2003008700"),  # not authorised
        bytes.fromhex("20ff"),
        bytes.fromhex("20020000"),  # MQTT 3.1.1
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("f0ffffff7f"),
        CONNACK + bytes.fromhex("300500ffffffff"),
        CONNACK + bytes.fromhex("e0018e"),
        b"\x00" * 100,
    ],
)
def test_a_broker_that_speaks_strangely_is_lost_and_nothing_worse(
    speaking: Speaking, words: bytes
) -> None:
    _, link = speaking(words)
    link.open()

    def is_lost() -> bool:
        try:
            link.turn(0.05)
        except LinkLost:
            return True
        return False

    wait_for(is_lost, "it is lost", HANG_S)


def test_where_nobody_listens_is_told_with_the_address(speaking: Speaking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = Link(Broker("127.0.0.1", port, tls=False), TOPICS, lambda: None, print)
    with pytest.raises(LinkLost, match=f"127.0.0.1 port {port}: "):
        link.open()
