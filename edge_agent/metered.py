"""Whether the link to the world costs by the byte, as NetworkManager tells over D-Bus.

Its property `Metered` is that of the primary connection; "probably" counts as yes, as its
documentation asks for. Without NetworkManager (or D-Bus) nobody knows.
Source: NetworkManager's D-Bus reference, org.freedesktop.NetworkManager and NMMetered.
"""

from __future__ import annotations

import contextlib

from jeepney import DBusAddress, HeaderFields, MessageFlag, MessageType, Properties
from jeepney.io.blocking import DBusConnection, open_dbus_connection

MANAGER = DBusAddress(
    "/org/freedesktop/NetworkManager",
    bus_name="org.freedesktop.NetworkManager",
    interface="org.freedesktop.NetworkManager",
)
#: It answers in milliseconds; the upload, which waits for it, must not stand still.
ANSWER_S = 0.5
_YES, _NO, _GUESS_YES, _GUESS_NO = 1, 2, 3, 4


class Metered:
    """Asks over one connection, opened when it is first needed."""

    def __init__(self, bus: str = "SYSTEM") -> None:
        """`bus`: "SYSTEM", or an address."""
        self._bus = bus
        self._connection: DBusConnection | None = None

    def __call__(self) -> bool | None:
        """None: nobody knows."""
        try:
            return self._ask()
        except (OSError, TimeoutError, KeyError, ValueError, EOFError):
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    def _ask(self) -> bool | None:
        if self._connection is None:
            self._connection = open_dbus_connection(bus=self._bus)
        question = Properties(MANAGER).get("Metered")
        question.header.flags |= MessageFlag.no_auto_start  # that could take half a minute
        reply = self._connection.send_and_get_reply(question, timeout=ANSWER_S)
        if reply.header.message_type is not MessageType.method_return:
            return None
        if reply.header.fields.get(HeaderFields.signature) != "v":
            return None
        _, value = reply.body[0]
        return {_YES: True, _GUESS_YES: True, _NO: False, _GUESS_NO: False}.get(value)
