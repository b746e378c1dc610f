"""What a kind of room records: places with their flavors and codecs, whatever stands there.

Room profiles are TOML files with kind = "room": those of this package in rooms/, and a room's own.
They name no devices; which of those that are plugged in stands at which place is found out when
one is applied. What a track's keys may be is the configuration's business.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from device_profiles.own import OWN_FOLDER
from device_profiles.profile import ProfileError

Role = Literal["camera", "grabber", "document", "microphone", "backup", "fixed"]
PICTURES = ("camera", "grabber", "document")
#: Keys of a track that may stand at a place, besides role and needed.
TRACK_KEYS = (
    "flavor", "size", "fps", "format", "options", "codec", "crf", "max_kbps", "still", "channels",
    "audio_kbps",
)  # fmt: skip
#: A "fixed" place names its source: a network camera, a screen, a file.
FIXED_KEYS = ("kind", "device")
#: Tables of the configuration that belong to one room, or to none.
NOT_SET = ("tracks", "destinations", "room", "storage", "devices")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_OWN = OWN_FOLDER / "rooms"


@dataclass(frozen=True, slots=True)
class Place:
    """A source of the room; its name becomes the track's."""

    name: str
    role: Role
    needed: bool = True
    track: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoomProfile:
    """Places in the order of the tracks; `set` has other keys of the configuration, by table."""

    name: str
    title: str
    places: tuple[Place, ...]
    set: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own: bool = False  # the room's, not this package's


@dataclass(frozen=True, slots=True)
class KnownRooms:
    """All room profiles, and what is wrong with the room's own that are not among them."""

    profiles: tuple[RoomProfile, ...]
    mistakes: tuple[str, ...] = ()


def load_rooms(folder: Path = _OWN) -> KnownRooms:
    """The package's with the room's own. A file of the room replaces ours of the same name."""
    top = resources.files("device_profiles") / "rooms"
    ours = [
        parse_room(entry.name[:-5], entry.read_text("utf-8"))
        for entry in top.iterdir()
        if entry.name.endswith(".toml")
    ]
    own: list[RoomProfile] = []
    mistakes: list[str] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            own.append(read_room(file))
        except ProfileError as error:
            mistakes.append(str(error))
    by_name = {profile.name: profile for profile in (*ours, *own)}
    return KnownRooms(tuple(by_name[name] for name in sorted(by_name)), tuple(mistakes))


def read_room(file: Path) -> RoomProfile:
    """Raises ProfileError, also for a file that cannot be read."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ProfileError(f"{file.name}: {error.strerror}; let everybody read it") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{file.name}: it is not UTF-8 text; save it as that") from error
    return parse_room(file.stem, text, own=True)


def is_room(text: str) -> bool:
    """Does a file mean to be a room profile? One that cannot be read at all does not."""
    try:
        return tomllib.loads(text).get("kind") == "room"
    except tomllib.TOMLDecodeError:
        return False


def parse_room(name: str, text: str, *, own: bool = False) -> RoomProfile:
    """Raises ProfileError."""
    file = f"{name}.toml"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: {error}; write it as the other profiles are") from error
    known = ("kind", "title", "notes", "sources", "set")
    for key in table:
        if key not in known:
            raise ProfileError(f"{file}: unknown key {key}; there are: {', '.join(known)}")
    if table.get("kind") != "room":
        raise ProfileError(f'{file}: this is no profile of a room; write kind = "room"')
    title = table.get("title")
    if not (isinstance(title, str) and title.strip()):
        raise ProfileError(f'{file}: title is missing; add title = "what it is called"')
    notes = table.get("notes", [])
    if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
        raise ProfileError(f"{file}: notes cannot be {notes!r}; write a list of sentences")
    return RoomProfile(
        name, title, _places(file, table.get("sources")), _set(file, table), tuple(notes), own
    )


def _places(file: str, sources: Any) -> tuple[Place, ...]:
    how = 'write [sources.camera] with role = "camera"'
    if not isinstance(sources, dict) or not sources:
        raise ProfileError(f"{file}: sources is missing; {how}")
    found = []
    for name, table in sources.items():
        if not _NAME.fullmatch(name) or not isinstance(table, dict):
            raise ProfileError(f"{file}: sources.{name} is not understood; {how}")
        found.append(_place(file, name, table))
    _demand_one(file, found, "microphone")
    _demand_one(file, found, "backup")
    if "backup" in (each.role for each in found) and not _with(found, "microphone"):
        raise ProfileError(f"{file}: a backup needs a microphone; add one with that role")
    return tuple(found)


def _place(file: str, name: str, table: Mapping[str, Any]) -> Place:
    where = f"{file}: sources.{name}"
    role: Any = table.get("role")
    if role not in get_args(Role):
        words = " or ".join(f'"{each}"' for each in get_args(Role))
        raise ProfileError(f"{where}.role cannot be {role!r}; write {words}")
    allowed = (*TRACK_KEYS, *FIXED_KEYS) if role == "fixed" else TRACK_KEYS
    for key in table:
        if key not in (*allowed, "role", "needed"):
            raise ProfileError(
                f"{where}: unknown key {key}; there are: role, needed, {', '.join(allowed)}"
            )
    if role == "fixed" and "kind" not in table:
        raise ProfileError(f'{where}.kind is missing; a fixed source needs it, as in kind = "rtsp"')
    needed = table.get("needed", True)
    if not isinstance(needed, bool):
        raise ProfileError(f"{where}.needed cannot be {needed!r}; write true or false")
    track = {key: value for key, value in table.items() if key not in ("role", "needed")}
    return Place(name, role, needed, track)


def _demand_one(file: str, places: Iterable[Place], role: str) -> None:
    """Which of two would be the main one?"""
    if len(names := _with(places, role)) > 1:
        raise ProfileError(f"{file}: {' and '.join(names)} both have the role {role}; keep one")


def _with(places: Iterable[Place], role: str) -> list[str]:
    return [place.name for place in places if place.role == role]


def _set(file: str, table: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found = table.get("set", {})
    how = "write [set.TABLE] with keys of the configuration, as in [set.renditions]"
    if not isinstance(found, dict):
        raise ProfileError(f"{file}: set cannot be {found!r}; {how}")
    for name, keys in found.items():
        if name in NOT_SET or not isinstance(keys, dict):
            raise ProfileError(f"{file}: set.{name} does not belong into a profile; {how}")
    return found
