"""Two webcams of one make that are pulled out together and come back in each other's sockets.

What the product promises: a camera with a serial number of its own is followed into any socket. Of
cameras that cannot be told apart (no serial number, or one that all copies have) the socket counts.
Never is one taken for the other while its own place is empty.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.appliance.devices import configure, judge_track, records
from tests.appliance.machine import Machine
from tests.appliance.plugs import UsbWebcam, plugged, until_camera, until_free
from tests.appliance.report import Row
from tests.appliance.room import (
    PLATFORM,
    Room,
    begin,
    check_storage,
    end,
    lecture_s,
    until_delivered,
    until_durable,
)

#: Blue, green, red: what the one and the other camera see.
BLUE, RED = (160, 40, 20), (20, 40, 160)
TRACKS = {"camera": "presenter.mp4", "slides": "presentation.mp4"}
SOCKETS = {"camera": 1, "slides": 2}
BUS = "usb-vhci_hcd.0"
LENGTH_S, ALONE_S = 5.0, 5.0
_CONFIG = """
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
flavor = "presenter/source"
device = "{camera}"
[tracks.slides]
kind = "v4l2"
flavor = "presentation/source"
device = "{slides}"
[tracks.microphone]
kind = "microphone"
device = "hw:Loopback,1"
[renditions]
audio = false
camera = "off"

[destinations.platform]
type = "folder"
path = "/srv/lectures"
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two webcams, how the configuration names them, and what their tracks stay with."""

    name: str
    serials: tuple[str, str]
    camera: str
    slides: str
    follows_socket: bool


PAIRS = (
    Pair("no serial number", ("", ""), f"port:{BUS}-1", f"port:{BUS}-2", True),
    Pair(
        "one serial number",
        ("CAM0007", "CAM0007"),
        f"usb:046d:0825:CAM0007@{BUS}-1",
        f"usb:046d:0825:CAM0007@{BUS}-2",
        True,
    ),
    Pair(
        "serial numbers of their own",
        ("CAM0007", "CAM0008"),
        "usb:046d:0825:CAM0007",
        "usb:046d:0825:CAM0008",
        False,
    ),
)


def twins_swapped(room: Room) -> Row:
    """Pulled out together; the second one comes back in the first one's socket, then the other."""
    row = Row("identical webcams swapped")
    with room.awake("swap") as machine:
        for number, pair in enumerate(PAIRS):
            folder = room.folder / "swap" / str(number)
            folder.mkdir()
            _swap(machine, row, folder, pair)
        check_storage(machine, row)
    return row


def _swap(machine: Machine, row: Row, folder: Path, pair: Pair) -> None:
    blue = UsbWebcam(folder, "blue", pair.serials[0], BLUE)
    red = UsbWebcam(folder, "red", pair.serials[1], RED)
    with plugged(blue, red):
        _attach(machine, blue, 1)
        _attach(machine, red, 2)
        configure(machine, _CONFIG.format(camera=pair.camera, slides=pair.slides))
        lecture = begin(machine, f"Swapped: {pair.name}")
        until_durable(machine, LENGTH_S, *TRACKS)
        pulled_s = lecture_s(machine, lecture)
        for each in (blue, red):
            each.unplug()
        machine.until_status("both are lost", lambda s: not any(records(s, t) for t in TRACKS))
        # The red one comes first, and gets the first socket.
        first, other = ("camera", "slides") if pair.follows_socket else ("slides", "camera")
        back = {first: _back(machine, lecture, red, 1, first)}
        time.sleep(ALONE_S)
        said = machine.until_status(
            f"{other} is away and says why", lambda s: s["tracks"][other]["reason"]
        )["tracks"][other]
        row.expect(said["phase"] != "recording", f"{pair.name}: {other} has taken the other camera")
        back[other] = _back(machine, lecture, blue, 2, other)
        until_durable(machine, back[other] + LENGTH_S, *TRACKS)
        ended_s = lecture_s(machine, lecture)
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        for track, back_s in back.items():
            judge_track(row, manifest, track, pulled_s, back_s)
        _judge_pictures(machine, row, folder, lecture, pair, (pulled_s, ended_s))
        row.notes.append(f"{pair.name}: meanwhile {other} said: {said['reason']}")
        row.runs += 1
    for socket in SOCKETS.values():
        until_free(machine, socket)


def _attach(machine: Machine, webcam: UsbWebcam, socket: int) -> None:
    until_free(machine, socket)
    webcam.attach(machine)
    until_camera(machine, socket)


def _back(machine: Machine, lecture: str, webcam: UsbWebcam, socket: int, track: str) -> float:
    """When the camera was there, in lecture time; its track records again."""
    _attach(machine, webcam, socket)
    back_s = lecture_s(machine, lecture)
    machine.until_status(f"{track} is back", lambda s: records(s, track))
    return back_s


def _judge_pictures(
    machine: Machine,
    row: Row,
    folder: Path,
    lecture: str,
    pair: Pair,
    times: tuple[float, float],
) -> None:
    """Which camera is in which file, before and after."""
    pulled_s, ended_s = times
    before = {"camera": "blue", "slides": "red"}
    after = {"camera": "red", "slides": "blue"} if pair.follows_socket else before
    for track, name in TRACKS.items():
        seen = _seen(machine, f"{PLATFORM}/{lecture}/{name}", folder / name)
        for at_s, wanted in ((pulled_s - 2, before[track]), (ended_s - 2, after[track])):
            found = _color(seen, at_s)
            row.expect(found == wanted, f"{pair.name}: {track} shows {found} at {at_s:.1f} s")


def _seen(machine: Machine, there: str, here: Path) -> list[tuple[float, str]]:
    """The colour of each picture of a file at the platform, by its time."""
    here.write_bytes(base64.b64decode(machine.sh(f"base64 -w0 {there}").out))
    with av.open(str(here)) as file:
        return [(frame.time or 0.0, _name(frame)) for frame in file.decode(video=0)]


def _name(frame: Any) -> str:
    picture = frame.to_ndarray(format="rgb24").astype(int)
    red, _, blue = (int(np.median(picture[:, :, channel])) for channel in range(3))
    if abs(red - blue) < 40:
        return "neither"
    return "blue" if blue > red else "red"


def _color(seen: list[tuple[float, str]], at_s: float) -> str:
    """What is on the screen then: the last picture that has begun."""
    return next((color for start, color in reversed(seen) if start <= at_s), "nothing")
