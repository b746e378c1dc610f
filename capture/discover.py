"""What is plugged in: cameras, microphones and screens, with an identity that survives replugging.

An identity is `usb:<vendor>:<product>:<serial>` where the device has a serial number, else
`port:<bus>` (the socket it is plugged into), else the node. Makers have given whole batches one
serial number; while two such cameras are there, each has its socket added:
`usb:…:<serial>@<bus>`. Looking takes nothing away from a recorder: nodes are opened, asked, closed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from capture import sound_devices
from capture.modes import Mode
from capture.sound_cards import identity_of_card, usb_cards
from capture.sound_devices import PulseSource
from capture.source import DeviceMissing, SourceError
from capture.usb_facts import usb_facts
from capture.v4l2_ioctl import Node, ask

SYSFS = Path("/sys")
NODES = 64  # V4L2 numbers its nodes densely from 0


@dataclass(frozen=True, slots=True)
class Device:
    """A thing plugged in. `id` is what a SourceSpec's device may be; `where` is for people;
    `usb` is "vendor:product", also of things without a serial number, or empty; `also` is what
    else means it."""

    kind: Literal["v4l2", "microphone", "screen"]
    id: str
    name: str
    where: str
    identity: str
    modes: tuple[Mode, ...] = ()
    usb: str = ""
    also: tuple[str, ...] = ()


def list_devices() -> list[Device]:
    return [*list_cameras(), *list_microphones(), *list_screens()]


def list_cameras(sysfs: Path = SYSFS) -> list[Device]:
    """Every video node that captures. A node that cannot be asked is left out."""
    found: list[Device] = []
    for number in range(NODES):
        try:
            node = ask(f"/dev/video{number}")
        except OSError:
            continue
        if node.captures:
            identity = camera_identity(node, sysfs)
            usb = node_usb(node.path, sysfs)
            found.append(Device("v4l2", node.path, node.card, node.bus, identity, node.modes, usb))
    return [_told_apart(camera, found) for camera in found]


def _told_apart(camera: Device, cameras: Iterable[Device]) -> Device:
    """A camera may have several nodes; those of one serial number in two sockets are two."""
    sockets = {other.where for other in cameras if other.identity == camera.identity}
    if len(sockets) == 1:
        return camera
    return replace(camera, identity=f"{camera.identity}@{camera.where}")


def match_camera(text: str, cameras: Sequence[Device]) -> Device:
    """The camera with this identity or exact name. Raises DeviceMissing if none, or not only one.

    An identity with a socket is understood also while its twin is not plugged in.
    """
    found = [c for c in cameras if text in (c.identity, c.name, f"{c.identity}@{c.where}")]
    if len({camera.where for camera in found}) == 1:
        return found[0]
    there = ", ".join(f"{camera.name} ({camera.identity})" for camera in cameras) or "none"
    if found or any(camera.identity == f"{text}@{camera.where}" for camera in cameras):
        raise DeviceMissing(
            f"there is more than one camera {text}", f"name the one that is meant: {there}"
        )
    raise DeviceMissing(f"there is no camera {text}", f"plug it in; cameras here: {there}")


def locate_camera(device: str, identity: str, sysfs: Path = SYSFS) -> tuple[str, str]:
    """Node and identity of the camera that is meant. Raises DeviceMissing.

    `device` is a node, an identity or a name. What is at a node is not asked when no `identity` is
    known yet; else a node whose camera is another one now gives way to where that one is.
    """
    cameras = list_cameras(sysfs)
    if not device.startswith("/"):
        camera = match_camera(device, cameras)
        return camera.id, camera.identity
    real = os.path.realpath(device)
    for camera in cameras:
        if camera.id == real and (not identity or identity in _names(camera)):
            return device, camera.identity
    if not identity:
        return device, ""
    camera = match_camera(identity, cameras)
    return camera.id, camera.identity


def _names(camera: Device) -> tuple[str, ...]:
    """Its identity with and without the socket."""
    bare = camera.identity.removesuffix(f"@{camera.where}")
    return bare, f"{bare}@{camera.where}"


def node_usb(path: str, sysfs: Path = SYSFS) -> str:
    """ "vendor:product" of a video node's device; empty when it is not a USB device."""
    usb = usb_facts(_sysfs_entry(path, sysfs))
    return f"{usb.vendor}:{usb.product}" if usb is not None else ""


def _sysfs_entry(path: str, sysfs: Path) -> Path:
    return sysfs / "class/video4linux" / Path(os.path.realpath(path)).name


def camera_identity(node: Node, sysfs: Path = SYSFS) -> str:
    usb = usb_facts(_sysfs_entry(node.path, sysfs))
    if usb is not None and usb.serial:
        return f"usb:{usb.vendor}:{usb.product}:{usb.serial}"
    return f"port:{node.bus}" if node.bus else f"node:{node.path}"


def list_microphones() -> list[Device]:
    """Sources of the sound server where one runs, and the sound cards PortAudio can open.

    A card that the server has is one device with its source: it could not be opened besides.
    Without PortAudio no microphone can be opened, so none is listed; cameras still are.
    """
    try:
        inputs = sound_devices.portaudio_inputs()
    except SourceError as error:
        print(f"no microphones: {error.reason}; {error.hint}", file=sys.stderr)
        return []
    sources = [each for each in sound_devices.pulse_sources() or [] if not each.monitor]
    cards, ids = sound_devices.card_ids(), sound_devices.card_usb_ids()
    plugged, found = usb_cards(), dict[tuple[int, int], Device]()
    for entry in inputs:
        hardware = sound_devices.hardware_id(entry.name, cards)
        if hardware:
            usb = sound_devices.usb_of(entry.name, ids)
            numbers = sound_devices.hardware_numbers(entry.name)
            lasting = identity_of_card(*numbers, plugged)
            # ALSA's own words for two of one make change places.
            twins = lasting and list(ids.values()).count(usb) > 1
            name = lasting if twins else hardware
            identity = lasting or f"alsa:{hardware}"
            found[numbers] = Device("microphone", name, entry.name, hardware, identity, usb=usb)
    return merged(sources, found)


def merged(sources: Iterable[PulseSource], cards: Mapping[tuple[int, int], Device]) -> list[Device]:
    """Each microphone once: what PulseAudio or PipeWire and ALSA both list is one thing."""
    left, found = dict(cards), []
    for source in sources:
        card = left.pop(source.hardware, None) if source.hardware else None
        device = Device(
            "microphone",
            f"pulse:{source.name}",
            source.description,
            source.bus,
            source.identity,
            usb=source.usb or (card.usb if card else ""),
            also=(card.id, card.identity, f"alsa:{card.where}") if card else (),
        )
        found.append(device)
    return [*found, *left.values()]


def list_screens(sockets: Path = Path("/tmp/.X11-unix")) -> list[Device]:
    """The X displays of this machine, by their sockets."""
    names = sorted(f":{place.name[1:]}" for place in sockets.glob("X*"))
    return [Device("screen", name, f"screen {name}", "X11", f"screen:{name}", ()) for name in names]
