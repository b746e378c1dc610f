"""A USB microphone that dies in the middle of a lecture, under the kernel's real driver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.appliance.devices import USB_MICROPHONE, configure, judge_track, records
from tests.appliance.machine import Machine
from tests.appliance.plugs import UsbWebcam, plugged
from tests.appliance.report import Row
from tests.appliance.room import (
    TRACKS,
    Room,
    begin,
    check_storage,
    end,
    gaps_of,
    lecture_s,
    until_delivered,
    until_durable,
)

LENGTH_S = 5.0
#: Of the lecture, when the microphone is there again.
AFTER_S = 5.0
_CONFIG = f"""
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
device = "/dev/video0"
size = [320, 180]
fps = 10.0
[tracks.microphone]
kind = "microphone"
device = "{USB_MICROPHONE}"
[renditions]
audio = false
camera = "off"

[destinations.platform]
type = "folder"
path = "/srv/lectures"
"""
_PROBLEMS = """python3 -c '
import json, urllib.request
state = json.load(urllib.request.urlopen("http://127.0.0.1:8025/api/v1/state"))
print(json.dumps(state["problems"]))'"""

#: The track is not there, and the next line says why. In other words with each try to open it.
_TOLD = """edge-agent status | awk '
/^ +microphone +(absent|starting)/ { getline; if (/^    /) { print; told = 1 } }
END { exit !told }'"""


def microphone_dies(room: Room) -> Row:
    """It delivers nothing any more, later its cable is pulled: each time a gap with a cause, told
    to people, and it is back by itself. The other camera, another device, loses nothing."""
    row = Row("USB microphone dies, unplugged")
    with room.awake("microphone") as machine:
        webcam = UsbWebcam(room.folder / "microphone")
        with plugged(webcam):
            webcam.plug_in(machine)
            machine.sh("systemctl start edge-agent-panel")
            configure(machine, _CONFIG)
            lecture = begin(machine, "Dead microphone")
            until_durable(machine, LENGTH_S)
            faults = [
                _away(machine, row, lecture, webcam.silence, webcam.speak),
                _away(machine, row, lecture, webcam.unplug, lambda: webcam.plug_in(machine)),
            ]
            end(machine)
            manifest = until_delivered(machine, lecture, row)
            _judge(row, manifest, faults)
            check_storage(machine, row)
            row.runs += 1
    return row


def _away(
    machine: Machine,
    row: Row,
    lecture: str,
    dies: Callable[[], None],
    lives: Callable[[], None],
) -> tuple[float, float]:
    """When it died and when it was there again, in lecture time."""
    away_s = lecture_s(machine, lecture)
    dies()
    machine.until_status("the microphone is lost", lambda s: not records(s, "microphone"))
    row.notes.append(f"told {lecture_s(machine, lecture) - away_s:.1f} s after it happened")
    time.sleep(LENGTH_S)
    _is_told(machine, row)
    lives()
    back_s = lecture_s(machine, lecture)
    machine.until_status("the microphone records", lambda s: records(s, "microphone"))
    until_durable(machine, back_s + AFTER_S, *TRACKS)
    return away_s, back_s


def _is_told(machine: Machine, row: Row) -> None:
    """By the status, by the command for people, and by the panel."""
    tracks = machine.until_status(
        "the status says why", lambda s: s["tracks"]["microphone"]["reason"]
    )["tracks"]
    reason = tracks["microphone"]["reason"]
    row.notes.append(f"said: {reason}")
    row.expect(records({"tracks": tracks}, "camera"), "the camera does not record")
    told = machine.until("edge-agent status says it", _TOLD)
    row.notes.append(f"edge-agent status said: {told}")
    machine.until("the panel says it", f"{_PROBLEMS} | grep microphone")


def _judge(row: Row, manifest: dict[str, Any], faults: list[tuple[float, float]]) -> None:
    (first, back_s), (second, again_s) = faults
    gaps = gaps_of(manifest, "microphone")
    before = [gap for gap in gaps if gap["lectureEnd"] < second]
    judge_track(row, {"gaps": before}, "microphone", first, back_s)
    judge_track(row, {"gaps": [g for g in gaps if g not in before]}, "microphone", second, again_s)
    row.expect(not gaps_of(manifest, "camera"), f"the camera has gaps: {manifest['gaps']}")
