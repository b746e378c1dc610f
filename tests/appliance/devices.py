"""Devices that go and come back, under the kernel's real drivers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.appliance.machine import Machine
from tests.appliance.plugs import CAMERA, UsbWebcam, plugged
from tests.appliance.report import Row
from tests.appliance.room import (
    CONFIG,
    Room,
    begin,
    check_storage,
    end,
    gaps_of,
    lecture_s,
    state,
    until_armed,
    until_delivered,
    until_durable,
)

USB_TRACKS = ("camera", "microphone")
AWAY_S = 5.0
USB_MICROPHONE, OTHER_MICROPHONE = "hw:emulated,0", "hw:Loopback,1"
#: A webcam that hangs for longer than any patience: 5 s of silence, and the pressing after it.
HUNG_S = 15.0


def _config(microphone: str, camera: str = "") -> str:
    """`camera`: more lines of its track."""
    return f"""
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
device = "{CAMERA}"
{camera}
[tracks.microphone]
kind = "microphone"
device = "{microphone}"
[renditions]
audio = false
camera = "off"

[destinations.platform]
type = "folder"
path = "/srv/lectures"
"""


@contextmanager
def usb_room(
    room: Room,
    name: str,
    microphone: str = USB_MICROPHONE,
    camera: str = "",
    before: Callable[[Machine], None] = lambda machine: None,
) -> Iterator[tuple[Machine, UsbWebcam]]:
    """A machine whose camera is the USB webcam's, its microphone too or another; all are armed."""
    with room.awake(name) as machine:
        webcam = UsbWebcam(room.folder / name)
        with plugged(webcam):
            webcam.plug_in(machine)
            before(machine)
            configure(machine, _config(microphone, camera))
            yield machine, webcam


def configure(machine: Machine, config: str) -> None:
    """Another configuration; until the agent has armed all tracks of it."""
    machine.sh(f"cat > {CONFIG} <<'E'{config}E")
    machine.sh("systemctl restart edge-agent edge-agent-upload")
    until_armed(machine)


def unplug_and_replug(room: Room) -> Row:
    """The cable is pulled and plugged in again: gaps with a cause, then both go on."""
    row = Row("USB unplugged, replugged")
    with usb_room(room, "unplug") as (machine, webcam):
        lecture = begin(machine, "Unplugged")
        until_durable(machine, AWAY_S, *USB_TRACKS)
        pulled_s = lecture_s(machine, lecture)
        webcam.unplug()
        until_phase(machine, "the tracks are lost", recording=False)
        time.sleep(AWAY_S)
        webcam.plug_in(machine)
        back_s = lecture_s(machine, lecture)
        until_phase(machine, "the tracks are back", recording=True)
        _judge(machine, row, lecture, pulled_s, back_s)
    return row


def webcam_hangs(room: Room) -> Row:
    """Its driver says nothing: a gap with a cause, the microphone loses nothing, then it is back.

    Closing such a device waits in the kernel for an answer that does not come: kill -9 of its
    recorder has no effect before the webcam answers again.
    """
    row = Row("USB webcam hangs")
    with usb_room(room, "hang", OTHER_MICROPHONE) as (machine, webcam):
        lecture = begin(machine, "Hung")
        until_durable(machine, AWAY_S, *USB_TRACKS)
        hung_s = lecture_s(machine, lecture)
        webcam.hang()
        machine.until_status("the camera is lost", lambda s: not records(s, "camera"))
        time.sleep(HUNG_S)
        said = machine.status()["tracks"]["camera"]
        row.expect(said["reason"], f"nothing says why the camera is {said['phase']}")
        webcam.recover()
        back_s = lecture_s(machine, lecture)
        machine.until_status("the camera is back", lambda s: records(s, "camera"))
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        judge_track(row, manifest, "camera", hung_s, back_s)
        row.notes.append(f"said: {said['reason']}")
        gaps = gaps_of(manifest, "microphone")
        row.expect(not gaps, f"the microphone has gaps: {gaps}")
        check_storage(machine, row)
        row.runs += 1
    return row


def camera_driver_fails(room: Room) -> Row:
    """The driver says that its camera is gone, in the middle; it is there when asked again."""
    row = Row("camera lost (vivid)")
    with room.awake("vivid") as machine:
        lecture = begin(machine, "Disconnected")
        until_durable(machine, AWAY_S)
        pulled_s = lecture_s(machine, lecture)
        machine.sh("v4l2-ctl -d /dev/video0 -c disconnect=1")
        machine.until_status(
            "the camera records again",
            lambda s: s["tracks"]["camera"]["restarts"] and records(s, "camera"),
        )
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        judge_track(row, manifest, "camera", pulled_s, pulled_s)
        gaps = gaps_of(manifest, "microphone")
        row.expect(not gaps, f"the microphone has gaps: {gaps}")
        check_storage(machine, row)
        row.runs += 1
    return row


def until_phase(machine: Machine, what: str, *, recording: bool) -> None:
    machine.until_status(
        what, lambda s: all(records(s, track) == recording for track in USB_TRACKS)
    )


def records(status: dict[str, Any], track: str) -> bool:
    it = status["tracks"][track]
    return it["phase"] == "recording" and it["durable_s"] is not None


def _judge(machine: Machine, row: Row, lecture: str, pulled_s: float, back_s: float) -> None:
    end(machine)
    manifest = until_delivered(machine, lecture, row)
    for track in USB_TRACKS:
        judge_track(row, manifest, track, pulled_s, back_s)
    check_storage(machine, row)
    row.expect(state(machine, lecture) == "delivered", "the lecture is not delivered")
    row.runs += 1


def judge_track(
    row: Row, manifest: dict[str, Any], track: str, pulled_s: float, back_s: float
) -> None:
    gaps = [gap for gap in gaps_of(manifest, track) if gap["lectureEnd"] > pulled_s - 5]
    row.expect(gaps, f"{track} has no gap")
    row.expect(all(gap["cause"] for gap in gaps), f"{track}: a gap without a cause: {gaps}")
    if gaps:
        row.lost_s.append(max(0.0, pulled_s - min(gap["lectureStart"] for gap in gaps)))
        row.recovery_s.append(max(0.0, max(gap["lectureEnd"] for gap in gaps) - back_s))
        causes = sorted({gap["cause"] for gap in gaps})
        row.notes.append(f"{track}: {', '.join(causes)}")
