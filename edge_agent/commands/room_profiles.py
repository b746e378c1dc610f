"""A profile of a room laid over what is plugged in: what stands where, and which keys change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from device_profiles.room_profile import PICTURES, Place, RoomProfile
from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.setup_devices import Changes, Track, meant, name_of, other_microphone
from edge_agent.config import Config, TrackConfig
from edge_agent.discovery import Candidates, camera_track
from edge_agent.places import KeyPath

if TYPE_CHECKING:
    from capture.discover import Device
    from device_profiles.profile import Profile

_WHAT = {
    "camera": "a camera",
    "grabber": "an HDMI grabber",
    "document": "a document camera",
    "microphone": "a microphone",
    "backup": "a second microphone",
}


def laid_over(
    profile: RoomProfile,
    found: Candidates,
    written: Mapping[str, Track],
    modes: Mapping[str, Sequence[str]],
) -> Changes:
    """What makes the room record as the profile says. Raises Failure when what it needs is missing.

    A device that stands at a place already stays there, if it fits.
    """
    devices, missing = placed(profile, found, written)
    needed = [place for place in missing if place.needed]
    if needed:
        words = ", ".join(f"{_WHAT[place.role]} ({place.name})" for place in needed)
        raise Failure(
            Exit.DEVICE,
            "device-missing",
            f"{profile.name} needs what is not plugged in: {words}",
            "plug it in, or choose another one: edge-agent profile list",
            retryable=True,
        )
    notes = [f"without {_WHAT[place.role]} ({place.name}): none is plugged in" for place in missing]
    tracks: dict[str, Track] = {}
    for place in profile.places:
        if place.role != "fixed" and place.name not in devices:
            continue
        track = tracks[place.name] = _track(place, devices.get(place.name), found)
        notes += _lacking(place.name, track, modes)
        old = str(written.get(place.name, {}).get("device", ""))
        if "device" in track and meant(old, found) == track["device"]:
            track["device"] = old  # as people have written it: a name, a link
    return Changes(*_keys(profile, tracks, written), tuple(notes))


def placed(
    profile: RoomProfile, found: Candidates, written: Mapping[str, Track]
) -> tuple[dict[str, str], list[Place]]:
    """The device of each place, and the places that stay empty. None stands at two."""
    devices: dict[str, str] = {}
    missing: list[Place] = []
    for place in (each for each in profile.places if each.role != "fixed"):
        taken = set(devices.values())
        free = [name for name in _fitting(place.role, found) if name not in taken]
        if place.role == "backup":
            free = [n for n in free if all(other_microphone(n, each, found) for each in taken)]
        standing = meant(str(written.get(place.name, {}).get("device", "")), found)
        if standing in free:
            devices[place.name] = standing
        elif free:
            devices[place.name] = free[0]
        else:
            missing.append(place)
    return devices, missing


def _fitting(role: str, found: Candidates) -> list[str]:
    if role == "grabber":
        return [name_of(device) for device, _ in found.grabbers]
    if role == "document":
        return [name_of(d) for d, p in found.cameras if p is not None and p.role == "document"]
    if role == "camera":
        return [name_of(device) for device, _ in found.cameras]
    return [name_of(device) for device in found.microphones]


def _track(place: Place, device: str | None, found: Candidates) -> Track:
    """What the profile says goes before what is known about the device."""
    if device is None:
        return dict(place.track)
    if place.role not in PICTURES:
        return {"kind": "microphone", "device": device, **place.track}
    known: list[tuple[Device, Profile | None]] = [*found.cameras, *found.grabbers]
    profile = next((p for each, p in known if name_of(each) == device), None)
    flavor = str(place.track.get("flavor", "presenter/source"))
    track = camera_track(device, flavor, profile)
    plain = track.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return {**plain, "flavor": flavor, **place.track}


def _lacking(name: str, track: Track, modes: Mapping[str, Sequence[str]]) -> list[str]:
    """A size that its camera has not; the nearest is recorded then."""
    has, size = modes.get(str(track.get("device")), ()), track.get("size")
    if not has or not size:
        return []
    text = f"{size[0]}×{size[1]}"
    if any(text in mode for mode in has):
        return []
    return [f"{name}: its camera has no {text}, so the nearest is recorded; it has: {has[0]}…"]


def _keys(
    profile: RoomProfile, tracks: Mapping[str, Track], written: Mapping[str, Track]
) -> tuple[dict[KeyPath, Any], tuple[KeyPath, ...]]:
    """A track that is there keeps its table, so that its comments stay."""
    values: dict[KeyPath, Any] = {
        (table, key): value for table, keys in profile.set.items() for key, value in keys.items()
    }
    gone: list[KeyPath] = [("tracks", name) for name in written if name not in tracks]
    for name, track in tracks.items():
        old = written.get(name)
        if old is None:
            values["tracks", name] = track
            continue
        gone += [("tracks", name, key) for key in old if key not in track]
        values |= {("tracks", name, key): new for key, new in track.items() if old.get(key) != new}
    return values, tuple(gone)


def mistakes(profile: RoomProfile) -> list[str]:
    """What the configuration would refuse, whatever is plugged in."""
    found = []
    for place in profile.places:
        kind = "v4l2" if place.role in PICTURES else "microphone"
        track = {"kind": kind, "device": "any", **place.track}
        found += _faults(f"{profile.name}.toml: sources.{place.name}", TrackConfig, track)
    fields = Config.model_fields
    for table, keys in profile.set.items():
        model = fields[table].annotation if table in fields else None
        where = f"{profile.name}.toml: set.{table}"
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            found.append(f"{where}: there is no such table, or it belongs to one room alone")
        else:
            found += _faults(where, model, dict(keys))
    return found


def _faults(where: str, model: Any, values: Mapping[str, Any]) -> list[str]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return [
            f"{where}.{'.'.join(map(str, each['loc']))}: {each['msg'][0].lower()}{each['msg'][1:]}"
            for each in error.errors()
        ]
    return []
