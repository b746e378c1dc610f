"""What udev tells of cameras and sound cards that come and go.

udev tells it when its rules have run, so a device that came may be opened by then. Where there is
no udev (containers) nothing is ever told: whoever listens must look by itself from time to time.
Waits for nothing.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["v4l2", "microphone"]
KINDS: dict[str, Kind] = {"video4linux": "v4l2", "sound": "microphone"}
#: What stands for a whole device; its other nodes come beside.
_NODE = re.compile(r"video\d+|card\d+")


@dataclass(frozen=True, slots=True)
class Plug:
    """A device has come (or has become ready), or it has gone."""

    kind: Kind
    came: bool
    #: "video0", "card1"; empty when it is not known which.
    node: str = ""
    #: The socket in udev's words; empty when it has none.
    port: str = ""


class Plugs(Protocol):
    """Who is told. Used by one thread."""

    def open(self) -> str:
        """Begin to listen. Why nothing may be told; empty when all is well."""
        ...

    def fileno(self) -> int:
        """For `select`; -1 when nothing will ever be told."""
        ...

    def news(self) -> list[Plug]:
        """What has happened since the last time."""
        ...

    def close(self) -> None: ...


class NoPlugs:
    """Nothing is ever told."""

    def open(self) -> str:
        return ""

    def fileno(self) -> int:
        return -1

    def news(self) -> list[Plug]:
        return []

    def close(self) -> None: ...


class UdevPlugs:
    """By libudev, which is loaded in `open`. `control` is there while udev's service runs."""

    def __init__(self, control: Path = Path("/run/udev/control")) -> None:
        self._control = control
        self._monitor: Any = None

    def open(self) -> str:
        try:
            import pyudev

            monitor = pyudev.Monitor.from_netlink(pyudev.Context())
            for subsystem in KINDS:
                monitor.filter_by(subsystem)
            monitor.start()
        except (ImportError, OSError) as error:
            return f"udev tells nothing: {error}"
        self._monitor = monitor
        # Looked for after the socket is open: a udev that begins later is heard all the same.
        return "" if self._control.exists() else "udev does not run here"

    def fileno(self) -> int:
        return int(self._monitor.fileno()) if self._monitor is not None else -1

    def news(self) -> list[Plug]:
        found: list[Plug] = []
        while self._monitor is not None:
            try:
                device = self._monitor.poll(0)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    self.close()
                    break
                # More came than the kernel holds for us: it may have been anything.
                found += [Plug(kind, came=True) for kind in KINDS.values()]
                continue
            if device is None:
                break
            plug = plug_of(
                device.action, device.subsystem, device.sys_name, device.get("ID_PATH", "")
            )
            found += [plug] if plug else []
        return found

    def close(self) -> None:
        self._monitor = None  # the library closes its socket with the last reference


def plug_of(action: str, subsystem: str, node: str, port: str) -> Plug | None:
    """What an event means; None for what is no device of its own.

    A sound card is "added" first, and "changed" when all of it is there.
    """
    kind = KINDS.get(subsystem)
    if kind is None or not _NODE.fullmatch(node):
        return None
    return Plug(kind, action != "remove", node, port)
