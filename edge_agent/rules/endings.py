"""What to say for a recorder that has ended without a word of its own. Pure."""

from __future__ import annotations

import signal

from edge_agent.messages import Gone
from edge_agent.rules.health import Pressure

WEDGED = Gone(
    cause="device hung",
    reason="the device's driver hangs, and holds its recorder",
    hint="Unplug the device and plug it in again; if that does not help, restart the PC.",
)


def words_for(status: int, pressure: Pressure) -> Gone:
    """By its exit status, and how far it was pressed to end."""
    if pressure is Pressure.KILLED or (pressure and status < 0):
        return Gone(cause="device hung", reason="the recorder did not answer and was ended")
    if status < 0:
        name = signal.Signals(-status).name
        return Gone(cause="recorder crashed", reason=f"the recorder was ended by {name}")
    return Gone(cause="recorder crashed", reason=f"the recorder ended with status {status}")
