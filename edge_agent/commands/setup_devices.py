"""Which device stands for which place of a room: what is plugged in, and what was answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.setup_answers import AUTO, NONE
from edge_agent.discovery import (
    BACKUP,
    BACKUP_FLAVOR,
    CAMERA,
    MICROPHONE,
    SLIDES,
    Candidates,
    camera_track,
    likely_spares,
)
from edge_agent.places import KeyPath

if TYPE_CHECKING:
    from capture.discover import Device
    from device_profiles.profile import Profile

#: In the order in which tracks are written: the first sound is the main one.
TRACKS = (CAMERA, SLIDES, MICROPHONE, BACKUP)
#: Of a former device; they mean nothing to another.
_OF_ITS_DEVICE = ("size", "fps", "format", "options")

Track = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys to set and keys (or tables) to take out, and what people should know."""

    values: dict[KeyPath, Any]
    gone: tuple[KeyPath, ...] = ()
    notes: tuple[str, ...] = ()


def offers(place: str, found: Candidates) -> list[tuple[Device, Profile | None]]:
    """What may stand at a place, the best first. Any picture may be camera or slides."""
    pictures = [*found.cameras, *found.grabbers]
    if place == CAMERA:
        return pictures
    if place == SLIDES:
        return [*found.grabbers, *found.cameras]
    return [(device, None) for device in found.microphones]


def best(place: str, found: Candidates, taken: Iterable[str]) -> str:
    """The name of the best that is free; empty when there is none."""
    if place in (CAMERA, SLIDES):
        fitting = [device for device, _ in (found.cameras if place == CAMERA else found.grabbers)]
    else:
        fitting = found.microphones if place == MICROPHONE else likely_spares(found)
    free = [name for device in fitting if (name := name_of(device)) not in taken]
    if place == BACKUP:
        free = [name for name in free if all(other_microphone(name, each, found) for each in taken)]
    return free[0] if free else ""


def name_of(device: Device) -> str:
    """What stands as `device` in the configuration: of a camera what outlives replugging."""
    return device.identity if device.kind == "v4l2" else device.id


def meant(text: str, found: Candidates) -> str:
    """The device that a node, an identity or a name means, as `name_of` has it; else the text.

    Two of one name mean none.
    """
    known = [device for device, _ in (*found.cameras, *found.grabbers)] + found.microphones
    names = {name_of(each) for each in known if text in _words(each)}
    return names.pop() if len(names) == 1 else text


def _words(device: Device) -> tuple[str, ...]:
    return device.id, device.identity, device.name, *device.also


def chosen(
    answers: Mapping[str, str | None], found: Candidates, written: Mapping[str, Track]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The device of each place that is to change (empty: none), and notes. Raises Failure.

    Without any tracks in the configuration, what is not answered is the best that is there.
    """
    devices: dict[str, str] = {}
    notes = []
    held = {name: meant(str(track.get("device", "")), found) for name, track in written.items()}
    for place in TRACKS:
        answer = answers.get(place)
        if answer is None and written:
            continue
        if answer == NONE:
            devices[place] = ""
        elif answer in (AUTO, None):
            taken = held | devices
            own = held.get(place, "")
            others = [name for key, name in taken.items() if key != place and name]
            name = best(place, found, others)
            if name:
                devices[place] = name
            elif not own and (answer == AUTO or place not in (SLIDES, BACKUP)):
                notes.append(_none(place))
        else:
            devices[place] = _named(place, answer, found)
    return devices, tuple(notes)


def changes(devices: Mapping[str, str], found: Candidates, written: Mapping[str, Track]) -> Changes:
    """What makes the configuration's tracks use these devices; nothing where they do already."""
    values: dict[KeyPath, Any] = {}
    gone: list[KeyPath] = []
    for place in (each for each in TRACKS if each in devices):
        path, old = ("tracks", place), written.get(place)
        if not devices[place]:
            gone += [path] if old is not None else []
            continue
        if old is not None and meant(str(old.get("device", "")), found) == devices[place]:
            continue
        track = track_for(place, devices[place], found)
        if old is None:
            values[path] = track
            continue
        gone += [(*path, key) for key in _OF_ITS_DEVICE if key in old and key not in track]
        values |= {(*path, key): new for key, new in track.items() if old.get(key) != new}
    return Changes(values, tuple(gone))


def track_for(place: str, name: str, found: Candidates) -> Track:
    """A track's table, without what is the default anyway."""
    if place == MICROPHONE:
        return {"kind": "microphone", "device": name}
    if place == BACKUP:
        return {"kind": "microphone", "device": name, "flavor": BACKUP_FLAVOR}
    flavor = "presentation/source" if place == SLIDES else "presenter/source"
    profile = next((p for device, p in offers(place, found) if name_of(device) == name), None)
    track = camera_track(name, flavor, profile)
    return track.model_dump(mode="json", exclude_defaults=True, exclude_none=True) | {
        "flavor": flavor
    }


def _named(place: str, answer: str, found: Candidates) -> str:
    """By its id, its identity or its exact name. Raises Failure."""
    fitting = [device for device, _ in offers(place, found)]
    named = {name_of(each) for each in fitting if answer in _words(each)}
    if len(named) == 1:
        return named.pop()
    there = ", ".join(f"{device.name} ({name_of(device)})" for device in fitting) or "none"
    many = f"more than one {answer!r}" if named else f"no {answer!r}"
    raise Failure(
        Exit.DEVICE,
        "device-missing",
        f"{place}: there is {many}; plugged in are: {there}",
        "name one of them, auto or none; see also: edge-agent devices list",
        retryable=True,
    )


def other_microphone(name: str, than: str, found: Candidates) -> bool:
    """Another thing, as far as can be told: a sound server and ALSA both list each microphone."""
    by_name = {name_of(device): device for device in found.microphones}
    one, two = by_name.get(name), by_name.get(than)
    if one is None or two is None:
        return True
    if one.id.split(":")[0] != two.id.split(":")[0]:
        return bool(one.usb) and one.usb != two.usb
    return one.id != two.id


def _none(place: str) -> str:
    what = {
        CAMERA: "no camera is plugged in: there will be no picture of the presenter",
        SLIDES: "no HDMI grabber is plugged in: there will be no slides",
        MICROPHONE: "no microphone is plugged in: there will be no sound",
        BACKUP: "there is no second microphone for a backup",
    }[place]
    return f"{what}; plug one in, then: edge-agent setup"
