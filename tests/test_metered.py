"""NetworkManager's word on the link's price, over a real message bus."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.metered import Metered
from tests.servers.network_manager import NetworkManager, message_bus_address


@pytest.fixture
def bus() -> Iterator[str]:
    with message_bus_address() as address:
        yield address


@pytest.mark.parametrize(
    ("value", "metered"), [(0, None), (1, True), (2, False), (3, True), (4, False), (None, None)]
)
def test_a_guess_counts_and_what_nobody_knows_is_unknown(
    bus: str, value: int | None, metered: bool | None
) -> None:
    asking = Metered(bus)
    with NetworkManager(bus, value):
        assert asking() is metered
    asking.close()


def test_it_follows_the_network_and_a_manager_that_goes_and_comes(bus: str) -> None:
    asking = Metered(bus)
    with NetworkManager(bus, 1) as manager:
        assert asking() is True
        manager.metered = 2
        assert asking() is False
    assert asking() is None
    with NetworkManager(bus, 1):
        assert asking() is True
    asking.close()


def test_a_bus_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "bus"))
        listener.listen()
        thread = threading.Thread(target=_welcome_only, args=(listener,))
        thread.start()
        assert Metered(f"unix:path={tmp_path}/bus")() is None
        thread.join(30)


def _welcome_only(listener: socket.socket) -> None:
    """Lets everybody in and then says nothing, until they leave."""
    visitor, _ = listener.accept()
    with visitor:
        visitor.settimeout(30)
        heard = b""
        while b"AUTH" not in heard:
            heard += visitor.recv(1000)
        visitor.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        while visitor.recv(1000):
            pass


@pytest.mark.parametrize("address", ["unix:path=/no/such/bus", "nonsense"])
def test_without_a_bus_nobody_knows(address: str) -> None:
    assert Metered(address)() is None
