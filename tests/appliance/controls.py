"""A webcam's controls and where it looks, through the kernel's real uvcvideo."""

from __future__ import annotations

import time

from tests.appliance.devices import OTHER_MICROPHONE, USB_TRACKS, records, usb_room
from tests.appliance.machine import GuestFailed, Machine
from tests.appliance.plugs import CAMERA, UsbWebcam
from tests.appliance.report import Row
from tests.appliance.room import (
    Room,
    begin,
    check_storage,
    end,
    gaps_of,
    lecture_s,
    until_delivered,
    until_durable,
)

LENGTH_S = 4.0
PATIENCE_S = 120.0
PROFILE = "/etc/edge-agent/profiles/lectern.toml"
#: The room's own; 50 Hz is what its time zone says.
_PROFILE = """
kind = "camera"
title = "The camera of this room"
usb = ["046d:0825"]

[controls.brightness]
value = 77
why = "The projector's light would make the lecturer a shadow."

[controls.power_line_frequency]
value = "mains"
why = "Lamps flicker with the mains."

[presets.lectern]
pan_absolute = -36000
tilt_absolute = 18000
zoom_absolute = 150
"""
_KEPT = {"brightness": 77, "power_line_frequency": 1}
_LOOKS = {"pan_absolute": -36000, "tilt_absolute": 18000, "zoom_absolute": 150}
_TURNED = {"pan_absolute": 0}
_OTHER = {"brightness": 200, "power_line_frequency": 2} | _TURNED
_ZONE = "ln -sf /usr/share/zoneinfo/Europe/Vienna /etc/localtime"
_UNBIND = (
    "cd /sys/bus/usb/drivers/uvcvideo && at=$(ls -d *-1:1.0) &&"
    " echo $at > unbind && sleep 1 && echo $at > bind"
)


def controls_stay(room: Room) -> Row:
    """They are set at the opening, when another program has changed them, after re-plugging, and
    when driver and camera have forgotten them. Where people turn the camera to, it stays."""
    row = Row("camera's controls and preset")
    own = 'options = { preset = "lectern" }'
    with usb_room(room, "controls", OTHER_MICROPHONE, own, before=_prepare) as (machine, webcam):
        _until(webcam, "at the opening", _KEPT | _LOOKS, row)
        lecture = begin(machine, "Controls")
        until_durable(machine, LENGTH_S, *USB_TRACKS)
        words = ",".join(
            f"{name}={value}" for name, value in (_OTHER | {"pan_absolute": 0}).items()
        )
        machine.sh(f"v4l2-ctl -d {CAMERA} -c {words}")
        _until(webcam, "changed by another program", _KEPT | _LOOKS | {"pan_absolute": 0}, row)
        row.expect(records(machine.status(), "camera"), "setting them has ended the recording")
        webcam.unplug()
        machine.until_status("the camera is lost", lambda s: not records(s, "camera"))
        webcam.plug_in(machine)
        _until(webcam, "after re-plugging", _KEPT | _LOOKS, row)
        machine.until_status("the camera is back", lambda s: records(s, "camera"))
        webcam.forget()
        machine.sh(_UNBIND)
        _until(webcam, "forgotten by driver and camera", _KEPT | _LOOKS, row)
        machine.until_status("the camera is back", lambda s: records(s, "camera"))
        until_durable(machine, lecture_s(machine, lecture), "camera")
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        gaps = gaps_of(manifest, "camera")
        row.expect(len(gaps) >= 2, f"the camera has only these gaps: {gaps}")
        row.expect(not gaps_of(manifest, "microphone"), "the microphone has gaps")
        check_storage(machine, row)
        row.runs += 1
    return row


def _prepare(machine: Machine) -> None:
    machine.sh(f"{_ZONE}; mkdir -p $(dirname {PROFILE}); cat > {PROFILE} <<'E'{_PROFILE}E")


def _until(webcam: UsbWebcam, when: str, wanted: dict[str, int], row: Row) -> None:
    """Until the camera itself has these values: it is asked, not its driver."""
    began = time.monotonic()
    while not wanted.items() <= (found := webcam.controls()).items():
        if time.monotonic() - began > PATIENCE_S:
            raise GuestFailed(f"{when}: the camera is set to {found}, not {wanted}")
        time.sleep(0.1)
    row.notes.append(f"{when}: set {time.monotonic() - began:.1f} s later (emulated)")
