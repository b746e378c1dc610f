"""The demo's panel: at an address of its own, open for as long as somebody looks on."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable

from edge_agent.commands.output import Report
from edge_agent.commands.room import Room

PANEL_PORT = 8025


def show_panel(here: Room, alive: Callable[[], bool], report: Report) -> None:
    """Somebody who looks on may try the buttons; a script has what it came for."""
    address = f"http://127.0.0.1:{here.written.values['panel']['port']}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        report.say(f"Panel:  {address} while the demo runs; on a terminal it stays until Ctrl-C")
        return
    report.say("", f"Panel:  {address}   open it in a browser; Ctrl-C ends the demo")
    try:
        while alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def free_port() -> int:
    """The usual one, or another where that is taken."""
    for port in (PANEL_PORT, 0):
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(door.getsockname()[1])
    return PANEL_PORT
