"""A message bus of our own, and who plays NetworkManager on it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, Proxy, open_dbus_connection

NAME = "org.freedesktop.NetworkManager"
#: How soon it notices that it is to end.
_LOOK_S = 0.1


@contextmanager
def message_bus_address() -> Iterator[str]:
    """The real `dbus-daemon`, with an address that nobody else knows."""
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
        daemon.terminate()


class NetworkManager:
    """Answers one question: its property `Metered`. None: it has no such property."""

    def __init__(self, bus: str, metered: int | None) -> None:
        self.metered = metered
        self._connection: DBusConnection = open_dbus_connection(bus)
        Proxy(message_bus, self._connection).RequestName(NAME)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> NetworkManager:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._connection.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                asked = self._connection.receive(timeout=_LOOK_S)
            except TimeoutError:
                continue
            if asked.header.message_type is MessageType.method_call:
                self._connection.send(self._answer(asked))

    def _answer(self, asked: Message) -> Message:
        path = asked.header.fields.get(HeaderFields.path)
        known = path == "/org/freedesktop/NetworkManager" and asked.body == (NAME, "Metered")
        if not known or self.metered is None:
            return new_error(asked, "org.freedesktop.DBus.Error.InvalidArgs")
        return new_method_return(asked, "v", (("u", self.metered),))
