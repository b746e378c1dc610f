"""Devices that go and come back, under the kernel's real drivers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.appliance.cache import PROJECT
from tests.appliance.machine import Machine, kill
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

SERIAL = "CAM0001"
CAMERA = f"/dev/v4l/by-id/usb-Logi_C270_emulated_{SERIAL}-video-index0"
USB_TRACKS = ("camera", "microphone")
AWAY_S = 5.0
USB_MICROPHONE, OTHER_MICROPHONE = "hw:emulated,0", "hw:Loopback,1"
#: A webcam that hangs for longer than any patience: 5 s of silence, and the pressing after it.
HUNG_S = 15.0


def _config(microphone: str) -> str:
    return f"""
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
device = "{CAMERA}"
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


class UsbWebcam:
    """The server on the host's end of the cable; see `usb_webcam`."""

    def __init__(self, folder: Path) -> None:
        self._frames = folder / "frames.mjpg"
        self._frames.write_bytes(b"".join(_jpeg(number) for number in range(20)))
        with socket.create_server(("127.0.0.1", 0)) as door:
            self._port = door.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None

    def plug_in(self, machine: Machine) -> None:
        words = [str(self._port), str(self._frames), "320", "180", "10", SERIAL]
        command = [sys.executable, "-m", "tests.appliance.usb_webcam", *words]
        self._server = subprocess.Popen(command, cwd=PROJECT)
        attach = f"usbip --tcp-port {self._port} attach -r 10.0.2.2 -b 1-1"
        machine.until("the webcam is attached", attach, 60)
        sound = "grep -q . /proc/asound/emulated/id"
        machine.until("its drivers are there", f"test -e {CAMERA} && {sound}", 60)

    def hang(self) -> None:
        """It answers nothing any more, and says no error: no picture, no end of any request."""
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)

    def recover(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def unplug(self) -> None:
        """kill -9 of the server: the cable is pulled."""
        if self._server is not None:
            kill(self._server)
            self._server = None


def _jpeg(number: int) -> bytes:
    picture = np.full((180, 320, 3), 90, np.uint8)
    picture[:, number * 16 : number * 16 + 16] = (200, 180, 60)
    return bytes(cv2.imencode(".jpg", picture)[1])


@contextmanager
def _usb_room(
    room: Room, name: str, microphone: str = USB_MICROPHONE
) -> Iterator[tuple[Machine, UsbWebcam]]:
    """A machine whose camera is the USB webcam's, its microphone too or another; all are armed."""
    with room.awake(name) as machine:
        webcam = UsbWebcam(room.folder / name)
        try:
            webcam.plug_in(machine)
            machine.sh(f"cat > {CONFIG} <<'E'{_config(microphone)}E")
            machine.sh("systemctl restart edge-agent edge-agent-upload")
            until_armed(machine)
            yield machine, webcam
        finally:
            webcam.unplug()


def unplug_and_replug(room: Room) -> Row:
    """The cable is pulled and plugged in again: gaps with a cause, then both go on."""
    row = Row("USB unplugged, replugged")
    with _usb_room(room, "unplug") as (machine, webcam):
        lecture = begin(machine, "Unplugged")
        until_durable(machine, AWAY_S, *USB_TRACKS)
        pulled_s = lecture_s(machine, lecture)
        webcam.unplug()
        _until_phase(machine, "the tracks are lost", recording=False)
        time.sleep(AWAY_S)
        webcam.plug_in(machine)
        back_s = lecture_s(machine, lecture)
        _until_phase(machine, "the tracks are back", recording=True)
        _judge(machine, row, lecture, pulled_s, back_s)
    return row


def webcam_hangs(room: Room) -> Row:
    """Its driver says nothing: a gap with a cause, the microphone loses nothing, then it is back.

    Closing such a device waits in the kernel for an answer that does not come: kill -9 of its
    recorder has no effect before the webcam answers again.
    """
    row = Row("USB webcam hangs")
    with _usb_room(room, "hang", OTHER_MICROPHONE) as (machine, webcam):
        lecture = begin(machine, "Hung")
        until_durable(machine, AWAY_S, *USB_TRACKS)
        hung_s = lecture_s(machine, lecture)
        webcam.hang()
        machine.until_status("the camera is lost", lambda s: not _records(s, "camera"))
        time.sleep(HUNG_S)
        said = machine.status()["tracks"]["camera"]
        row.expect(said["reason"], f"nothing says why the camera is {said['phase']}")
        webcam.recover()
        back_s = lecture_s(machine, lecture)
        machine.until_status("the camera is back", lambda s: _records(s, "camera"))
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        _judge_track(row, manifest, "camera", hung_s, back_s)
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
            lambda s: s["tracks"]["camera"]["restarts"] and _records(s, "camera"),
        )
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        _judge_track(row, manifest, "camera", pulled_s, pulled_s)
        gaps = gaps_of(manifest, "microphone")
        row.expect(not gaps, f"the microphone has gaps: {gaps}")
        check_storage(machine, row)
        row.runs += 1
    return row


def _until_phase(machine: Machine, what: str, *, recording: bool) -> None:
    machine.until_status(
        what, lambda s: all(_records(s, track) == recording for track in USB_TRACKS)
    )


def _records(status: dict[str, Any], track: str) -> bool:
    it = status["tracks"][track]
    return it["phase"] == "recording" and it["durable_s"] is not None


def _judge(machine: Machine, row: Row, lecture: str, pulled_s: float, back_s: float) -> None:
    end(machine)
    manifest = until_delivered(machine, lecture, row)
    for track in USB_TRACKS:
        _judge_track(row, manifest, track, pulled_s, back_s)
    check_storage(machine, row)
    row.expect(state(machine, lecture) == "delivered", "the lecture is not delivered")
    row.runs += 1


def _judge_track(
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
