"""NetworkManager's word on the link's price, over a real message bus."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

from edge_agent.metered import Metered

NAME = "org.freedesktop.NetworkManager"


@pytest.fixture
def bus() -> Iterator[str]:
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
        daemon.terminate()


@contextmanager
def manager(bus: str, *answers: int | None) -> Iterator[None]:
    """Plays NetworkManager for so many questions; None: it has no such property."""
    connection = open_dbus_connection(bus)
    Proxy(message_bus, connection).RequestName(NAME)
    thread = threading.Thread(target=_answer, args=(connection, answers))
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        connection.close()


def _answer(connection: DBusConnection, answers: tuple[int | None, ...]) -> None:
    left = list(answers)
    while left:
        asked = connection.receive(timeout=10)
        if asked.header.message_type is not MessageType.method_call:
            continue
        assert asked.header.fields[HeaderFields.path] == "/org/freedesktop/NetworkManager"
        assert asked.body == (NAME, "Metered")
        value = left.pop(0)
        if value is None:
            connection.send(new_error(asked, "org.freedesktop.DBus.Error.InvalidArgs"))
        else:
            connection.send(new_method_return(asked, "v", (("u", value),)))


@pytest.mark.parametrize(
    ("value", "metered"), [(0, None), (1, True), (2, False), (3, True), (4, False), (None, None)]
)
def test_a_guess_counts_and_what_nobody_knows_is_unknown(
    bus: str, value: int | None, metered: bool | None
) -> None:
    asking = Metered(bus)
    with manager(bus, value):
        assert asking() is metered
    asking.close()


def test_it_follows_the_network_and_a_manager_that_goes_and_comes(bus: str) -> None:
    asking = Metered(bus)
    with manager(bus, 1, 2):
        assert [asking(), asking()] == [True, False]
    assert asking() is None
    with manager(bus, 1):
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
