"""Whether the link to the world costs by the byte, as NetworkManager tells over D-Bus.

Its property `Metered` is that of the primary connection; "probably" counts as yes, as its
documentation asks for. Without NetworkManager (or D-Bus) nobody knows.
Source: NetworkManager's D-Bus reference, org.freedesktop.NetworkManager and NMMetered.
"""

from __future__ import annotations

import contextlib

from jeepney import (
    DBusAddress,
    DBusErrorResponse,
    HeaderFields,
    Message,
    MessageFlag,
    MessageType,
    Properties,
)
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection, prep_socket

MANAGER = DBusAddress(
    "/org/freedesktop/NetworkManager",
    bus_name="org.freedesktop.NetworkManager",
    interface="org.freedesktop.NetworkManager",
)
#: It answers in milliseconds; the upload, which waits for it, must not stand still.
ANSWER_S = 0.5
_YES, _NO, _GUESS_YES, _GUESS_NO = 1, 2, 3, 4


class Impatient(DBusConnection):  # type: ignore[misc]  # it has no types
    """The library waits for the bus itself, after its first word, without any limit."""

    def send_and_get_reply(self, message: Message, *, timeout: float | None = None) -> Message:
        return super().send_and_get_reply(message, timeout=timeout or ANSWER_S)


class Metered:
    """Asks over one connection, opened when it is first needed."""

    def __init__(self, bus: str = "SYSTEM") -> None:
        """`bus`: "SYSTEM", or an address."""
        self._bus = bus
        self._connection: Impatient | None = None

    def __call__(self) -> bool | None:
        """None: nobody knows."""
        try:
            return self._ask()
        except (OSError, KeyError, ValueError, EOFError, DBusErrorResponse):
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    def _ask(self) -> bool | None:
        if self._connection is None:
            self._connection = _connect(self._bus)
        question = Properties(MANAGER).get("Metered")
        question.header.flags |= MessageFlag.no_auto_start  # that could take half a minute
        reply = self._connection.send_and_get_reply(question)
        if reply.header.message_type is not MessageType.method_return:
            return None
        if reply.header.fields.get(HeaderFields.signature) != "v":
            return None
        _, value = reply.body[0]
        return {_YES: True, _GUESS_YES: True, _NO: False, _GUESS_NO: False}.get(value)


def _connect(bus: str) -> Impatient:
    """Raises OSError (of which a time-out is one) and ValueError."""
    sock = prep_socket(get_bus(bus), timeout=ANSWER_S)
    try:
        return Impatient(sock)
    except BaseException:
        sock.close()
        raise
