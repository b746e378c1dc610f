"""A room's own profiles beside those of this package.

A file that cannot be used is told, and left out: a typing mistake must not stop a recording.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device_profiles.profile import Profile, ProfileError, load_profiles, parse_profile

OWN_FOLDER = Path("/etc/edge-agent/profiles")


@dataclass(frozen=True, slots=True)
class Known:
    """All profiles, and what is wrong with the room's own that are not among them."""

    profiles: tuple[Profile, ...]
    mistakes: tuple[str, ...] = ()


def load_known(folder: Path = OWN_FOLDER) -> Known:
    """The package's profiles with the room's. A room's file replaces ours of the same name."""
    own: list[Profile] = []
    mistakes: list[str] = []
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix == ".toml")
    except FileNotFoundError:
        files = []
    except OSError as error:
        files = []
        mistakes.append(f"{folder}: {error.strerror}; let everybody read it")
    for file in files:
        try:
            own.append(read_profile(file))
        except ProfileError as error:
            mistakes.append(str(error))
    return Known(replaced(load_profiles(), own), tuple(mistakes))


def read_profile(file: Path) -> Profile:
    """Raises ProfileError, also for a file that cannot be read."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ProfileError(f"{file.name}: {error.strerror}; let everybody read it") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{file.name}: it is not UTF-8 text; save it as that") from error
    return parse_profile(file.stem, text, own=True)


def replaced(shipped: Iterable[Profile], own: Iterable[Profile]) -> tuple[Profile, ...]:
    """By name; of two with one name the room's."""
    by_name = {profile.name: profile for profile in (*shipped, *own)}
    return tuple(by_name[name] for name in sorted(by_name))
