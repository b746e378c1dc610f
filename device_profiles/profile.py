"""What is known about a kind of device: what to ask it for, and what is odd about it.

Profiles are TOML files of this package, read once. A wrong or unknown key is an error, so that a
typing mistake never silently becomes a default.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any, Literal, get_args

Kind = Literal["camera", "microphone"]
FORMATS = ("mjpeg", "raw", "h264")


class ProfileError(Exception):
    """A profile that cannot be used; says which file and what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`usb` (vendor:product, or vendor:*) and `names` (parts of the device's name) say for whom."""

    name: str
    kind: Kind
    title: str
    usb: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()  # of a camera, in order of preference
    size: tuple[int, int] | None = None
    fps: float | None = None
    channels: int | None = None  # of a microphone
    quirks: tuple[str, ...] = ()  # for people, one sentence each

    @property
    def options(self) -> dict[str, str]:
        """The options of a source of this kind."""
        found = {}
        if self.formats:
            found["formats"] = ",".join(self.formats)
        if self.channels is not None:
            found["channels"] = str(self.channels)
        return found


def load_profiles() -> tuple[Profile, ...]:
    """The profiles of this package, by name."""
    files = sorted(
        (
            entry
            for entry in resources.files("device_profiles").iterdir()
            if entry.name[-5:] == ".toml"
        ),
        key=lambda entry: entry.name,
    )
    return tuple(parse_profile(entry.name[:-5], entry.read_text("utf-8")) for entry in files)


def parse_profile(name: str, text: str) -> Profile:
    """Raises ProfileError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{name}.toml: {error}") from error
    unknown = set(table) - {field.name for field in fields(Profile)} | set(table) & {"name"}
    if unknown:
        raise ProfileError(f"{name}.toml: unknown key {', '.join(sorted(unknown))}")
    try:
        profile = Profile(name=name, **{key: _frozen(value) for key, value in table.items()})
    except TypeError as error:
        raise ProfileError(f"{name}.toml: {error}") from error
    _check(profile)
    return profile


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check(profile: Profile) -> None:
    wrong = [form for form in profile.formats if form not in FORMATS]
    if profile.kind not in get_args(Kind):
        raise ProfileError(f"{profile.name}.toml: kind is one of {', '.join(get_args(Kind))}")
    if wrong:
        raise ProfileError(f"{profile.name}.toml: formats are {', '.join(FORMATS)}, not {wrong[0]}")
    if profile.size is not None and len(profile.size) != 2:
        raise ProfileError(f"{profile.name}.toml: size is [width, height]")
