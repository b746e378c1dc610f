"""A PC whose clock nobody has set."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from edge_agent.rules.timeline import START_NS
from tests.appliance.machine import Machine
from tests.appliance.report import Row
from tests.appliance.room import (
    CONFIG,
    TOOLS,
    Room,
    begin,
    check_storage,
    duration_s,
    end,
    lecture_s,
    state,
    until_armed,
    until_delivered,
    until_durable,
)

LENGTH_S = 6.0
#: The start is mended from the monotonic clock. Both clocks of the guest are read one after the
#: other, by the agent and here; a manifest has milliseconds.
MENDED_S = 1.0
SERVICES = "edge-agent edge-agent-upload"
#: Without a microphone: the emulated PC is half a minute behind with both when they have just been
#: started, and this is about the clock.
_CONFIG = """
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
device = "/dev/video0"
size = [320, 180]
fps = 10.0
[renditions]
camera = "off"

[destinations.platform]
type = "folder"
path = "/srv/lectures"
"""


def wrong_clock(room: Room) -> Row:
    """It is 1970 when the agent starts; the network sets the clock while it records.

    Nothing is lost; the start is mended, and the manifest says so.
    """
    row = Row("clock of 1970, then set")
    with room.awake("clock") as machine:
        _start_in_1970(machine)
        lecture = begin(machine, "Out of time")
        until_durable(machine, LENGTH_S, "camera")
        trust = state(machine, lecture, "clock_trust")
        row.expect(trust == "unset", f"a clock that nobody has set is called {trust}")
        machine.sh(f"{TOOLS}/set_clock.py {time.time():.3f}")
        pressed = _pressed(machine, lecture)
        until_durable(machine, 2 * LENGTH_S, "camera")
        end(machine)
        ended_s = lecture_s(machine, lecture)
        manifest = until_delivered(machine, lecture, row)
        there = duration_s(manifest)
        row.expect(2 * LENGTH_S <= there <= ended_s, f"{there} s of {ended_s} s are there")
        row.expect(not manifest["gaps"], f"gaps: {manifest['gaps']}")
        trusts = manifest["clockTrust"], manifest.get("endClockTrust")
        row.expect(trusts == ("unset", "synchronised"), f"it says of the clock: {trusts}")
        off_s = (datetime.fromisoformat(manifest["startTime"]) - pressed).total_seconds()
        row.expect(abs(off_s) < MENDED_S, f"the mended start is {off_s:.1f} s off")
        row.notes.append(f"the mended start is {off_s:+.2f} s off")
        check_storage(machine, row)
        row.runs += 1
    return row


def _start_in_1970(machine: Machine) -> None:
    machine.sh(f"systemctl stop {SERVICES} && date -u -s @600")
    machine.sh(f"cat > {CONFIG} <<'E'{_CONFIG}E")
    machine.sh(f"systemctl start --no-block {SERVICES}")
    until_armed(machine)


def _pressed(machine: Machine, lecture: str) -> datetime:
    """When record was pressed, by the guest's clock as it is now."""
    pressed_s = (int(state(machine, lecture, "epoch_ns")) + START_NS) / 1e9
    wall, up = machine.sh("date +%s.%N; cut -d ' ' -f 1 /proc/uptime").out.split()
    return datetime.fromtimestamp(float(wall) - float(up) + pressed_s, UTC)
