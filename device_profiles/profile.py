"""What is known about a kind of device: what to ask it for, and what is odd about it.

Profiles are TOML files: those of this package, read once, and a room's own. A wrong or unknown key
is an error, so that a typing mistake never silently becomes a default.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

Kind = Literal["camera", "microphone"]
#: What a device is for in a room. Grabbers show slides, document cameras paper.
Role = Literal["webcam", "conference", "document", "grabber", "microphone", "speakerphone"]
FORMATS = ("mjpeg", "raw", "h264")
#: The value of a control that depends on where the room is: the frequency of the mains.
MAINS = "mains"
#: What a preset may set.
PTZ = ("pan_absolute", "tilt_absolute", "zoom_absolute", "focus_absolute")

_USB = re.compile(r"[0-9a-f]{4}:([0-9a-f]{4}|\*)")
_OFFER = re.compile(rf"({'|'.join(FORMATS)})( [1-9]\d{{1,4}}x[1-9]\d{{1,4}})?")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class ProfileError(Exception):
    """A profile that cannot be used; says which file, which key, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Control:
    """A V4L2 control, named as v4l2-ctl does, and why it is set."""

    name: str
    value: int | Literal["mains"]
    why: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Where a camera that can be turned looks, in V4L2's units: pan and tilt in seconds of arc."""

    name: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """For whom: `serials`, `usb` (vendor:product, or vendor:*), `names` (parts of the device's
    name), `offers` (modes it must all have: "h264", "mjpeg 1920x1080"). Without: for its kind."""

    name: str
    kind: Kind
    title: str
    role: Role | None = None
    serials: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()  # of a camera, in order of preference
    size: tuple[int, int] | None = None
    fps: float | None = None
    channels: int | None = None  # of a microphone
    controls: tuple[Control, ...] = ()  # of a camera, set in this order
    presets: tuple[Preset, ...] = ()  # of a camera that can be turned
    quirks: tuple[str, ...] = ()  # for people, one sentence each
    sources: tuple[str, ...] = ()  # where ids and quirks were found
    own: bool = False  # the room's, not this package's

    @property
    def options(self) -> dict[str, str]:
        """The options of a source of this kind."""
        found = {}
        if self.formats:
            found["formats"] = ",".join(self.formats)
        if self.channels is not None:
            found["channels"] = str(self.channels)
        return found


KEYS = tuple(f.name for f in fields(Profile) if f.name not in ("name", "own"))


def load_profiles() -> tuple[Profile, ...]:
    """The profiles of this package, by name."""
    top = resources.files("device_profiles")
    files = sorted(
        (entry for folder in (top, top / "products") for entry in _tables(folder)),
        key=lambda entry: entry.name,
    )
    return tuple(parse_profile(entry.name[:-5], entry.read_text("utf-8")) for entry in files)


def _tables(folder: Traversable) -> Iterator[Traversable]:
    return (entry for entry in folder.iterdir() if entry.name.endswith(".toml"))


def parse_profile(name: str, text: str, *, own: bool = False) -> Profile:
    """Raises ProfileError."""
    file = f"{name}.toml"
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: {error}; write it as the other profiles are") from error
    for key in table:
        if key not in KEYS:
            raise ProfileError(f"{file}: unknown key {key}; there are: {', '.join(KEYS)}")
    for key in ("kind", "title"):
        if key not in table:
            raise ProfileError(f"{file}: {key} is missing; add {key} = {EXPECTED[key][1]}")
    values = {key: _value(file, key, value) for key, value in table.items()}
    profile = Profile(name=name, own=own, **values)
    _check_kind(file, profile)
    return profile


def _value(file: str, key: str, value: Any) -> Any:
    if key == "controls":
        return _controls(file, value)
    if key == "presets":
        return _presets(file, value)
    fits, expected = EXPECTED[key]
    if not fits(value):
        raise ProfileError(f"{file}: {key} cannot be {value!r}; write {expected}")
    return tuple(value) if isinstance(value, list) else value


def _controls(file: str, value: Any) -> tuple[Control, ...]:
    how = 'write [controls.NAME] with value = a whole number or "mains", and why = "a sentence"'
    if not isinstance(value, dict):
        raise ProfileError(f"{file}: controls cannot be {value!r}; {how}")
    found = []
    for name, entry in value.items():
        if not (isinstance(entry, dict) and set(entry) == {"value", "why"} and _WORD.match(name)):
            raise ProfileError(f"{file}: controls.{name} is not understood; {how}")
        if not (type(entry["value"]) is int or entry["value"] == MAINS):
            raise ProfileError(f"{file}: controls.{name}.value is {entry['value']!r}; {how}")
        if not _sentence(entry["why"]):
            raise ProfileError(f"{file}: controls.{name}.why is empty; {how}")
        found.append(Control(name, entry["value"], entry["why"]))
    return tuple(found)


def _presets(file: str, value: Any) -> tuple[Preset, ...]:
    how = f"write [presets.NAME] with whole numbers for some of {', '.join(PTZ)}"
    if not isinstance(value, dict):
        raise ProfileError(f"{file}: presets cannot be {value!r}; {how}")
    for name, entry in value.items():
        numbers = isinstance(entry, dict) and entry and all(type(v) is int for v in entry.values())
        if not (numbers and set(entry) <= set(PTZ) and _WORD.fullmatch(name)):
            raise ProfileError(f"{file}: presets.{name} is not understood; {how}")
    return tuple(Preset(name, tuple(entry.items())) for name, entry in value.items())


def _check_kind(file: str, profile: Profile) -> None:
    """What one kind of device cannot have."""
    of_cameras = ("formats", "size", "fps", "controls", "presets", "offers")
    wrong = of_cameras if profile.kind == "microphone" else ("channels",)
    for key in wrong:
        if getattr(profile, key):
            raise ProfileError(f"{file}: a {profile.kind} has no {key}; take {key} out")


def _sentence(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _each(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(fits, value))


def _one_of(values: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in values, " or ".join(f'"{value}"' for value in values)


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _size(value: Any) -> bool:
    numbers = isinstance(value, list) and all(type(v) is int and 16 <= v <= 8192 for v in value)
    return numbers and len(value) == 2


#: What each key may be: a test of it, and how to write it.
EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "kind": _one_of(get_args(Kind)),
    "title": (_sentence, '"what it is called"'),
    "role": _one_of(get_args(Role)),
    "serials": (_each(_sentence), 'a list of serial numbers: ["A1B2C3"]'),
    "usb": (_each(_matches(_USB)), 'small hexadecimal digits: ["046d:082d"] or ["046d:*"]'),
    "names": (_each(_sentence), 'a list of parts of the device\'s name: ["c920"]'),
    "offers": (_each(_matches(_OFFER)), 'a list of modes: ["h264", "mjpeg 1920x1080"]'),
    "formats": (_each(lambda v: v in FORMATS), f"a list of some of {', '.join(FORMATS)}"),
    "size": (_size, "[width, height] in pixels, 16 to 8192"),
    "fps": (lambda v: type(v) in (int, float) and 1 <= v <= 120, "1 to 120 pictures a second"),
    "channels": (lambda v: type(v) is int and v in (1, 2), "1 or 2"),
    "quirks": (_each(_sentence), "a list of sentences"),
    "sources": (_each(_sentence), "a list of where it was found"),
}
