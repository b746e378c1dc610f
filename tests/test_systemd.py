"""sd_notify against real datagram sockets, as systemd would hold them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent import systemd


def listen(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.settimeout(5)
        yield receiver


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[socket.socket]:
    yield from listen(str(tmp_path / "notify"))


@pytest.fixture
def abstract(tmp_path: Path) -> Iterator[socket.socket]:
    yield from listen(f"\0edge-agent-test-{tmp_path.name}")


def test_a_notice_reaches_a_socket_on_disk(on_disk: socket.socket) -> None:
    assert systemd.notify("READY=1\nSTATUS=präsent", {"NOTIFY_SOCKET": on_disk.getsockname()})
    assert on_disk.recv(100) == "READY=1\nSTATUS=präsent".encode()


def test_a_notice_reaches_an_abstract_socket(abstract: socket.socket) -> None:
    name = "@" + abstract.getsockname()[1:].decode()
    assert systemd.notify("WATCHDOG=1", {"NOTIFY_SOCKET": name})
    assert abstract.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"NOTIFY_SOCKET": "/no/such"}])
def test_without_a_listener_nothing_happens(env: dict[str, str]) -> None:
    assert not systemd.notify("READY=1", env)


def test_a_full_socket_never_blocks_the_caller(on_disk: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": on_disk.getsockname()}
    sent = [systemd.notify("WATCHDOG=1" + " " * 4096, env) for _ in range(10_000)]
    assert sent[0]
    assert not sent[-1]
