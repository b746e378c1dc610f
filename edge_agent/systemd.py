"""Telling systemd how we are: readiness, watchdog, status line. Without systemd it does nothing.

A datagram to the socket in $NOTIFY_SOCKET, as sd_notify(3) describes; a name that begins with "@"
is an abstract socket. A notice that cannot be sent is dropped: the watchdog is the judge of that.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(state: str, env: Mapping[str, str] = os.environ) -> bool:
    """Send e.g. "READY=1", "WATCHDOG=1" or "STATUS=…"; True if systemd's socket took it."""
    address = env.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.setblocking(False)
            link.sendto(state.encode(), address)
    except OSError:
        return False
    return True
