"""The folder of credentials: which are needed and by whom, which are there, and in what state.

Never tells a value; see edge_agent.secrets for how one is read and used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge_agent.config import Config
from edge_agent.durable import make_folder_durably, remove_durably, sync_folder, write_durably
from edge_agent.secrets import MOST_BYTES, Secrets
from uploader.sender import Transient

_MODE = 0o600


class Held(StrEnum):
    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # this user may not look


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that is needed, or there, or both."""

    name: str
    #: What names it, such as destinations.campus; empty: nothing.
    users: tuple[str, ...]
    state: Held
    trouble: str = ""
    fix: str = ""


class BadSecret(ValueError):
    """What was given is no credential."""


def users(config: Config) -> dict[str, tuple[str, ...]]:
    """What the configuration asks for, by the credential's name."""
    found: dict[str, tuple[str, ...]] = {}
    for name, place in config.destinations.items():
        if credential := getattr(place, "credential", None):
            found[credential] = (*found.get(credential, ()), f"destinations.{name}")
    for name, calendar in config.calendars.items():
        if calendar.credential:
            known = found.get(calendar.credential, ())
            found[calendar.credential] = (*known, f"calendars.{name}")
    for name, webhook in config.webhooks.items():
        known = found.get(webhook.credential, ())
        found[webhook.credential] = (*known, f"webhooks.{name}")
    for credential, user in (
        (config.panel.pin, "panel.pin"),
        (config.panel.metrics_token, "panel.metrics_token"),
        (config.mqtt.credential, "mqtt.credential"),
    ):
        if credential:
            found[credential] = (*found.get(credential, ()), user)
    return found


def survey(config: Config, secrets: Secrets) -> list[Credential]:
    """All that are needed or there, by name."""
    needed = users(config)
    if not _may_look(secrets.own):
        return [
            Credential(
                name,
                who,
                Held.UNKNOWN,
                "this user may not look into the folder of credentials",
                "sudo -u edge-agent edge-agent secret list",
            )
            for name, who in sorted(needed.items())
        ]
    return [_seen(name, needed, secrets) for name in sorted(needed.keys() | _there(secrets.own))]


def clean(text: str) -> str:
    """A credential as it is stored: one line. Raises BadSecret."""
    found = text.strip()
    if not found:
        raise BadSecret("nothing was given")
    if "\n" in found or "\r" in found or "\0" in found:
        raise BadSecret("a credential is one line")
    if len(found.encode()) >= MOST_BYTES:
        raise BadSecret(f"a credential has fewer than {MOST_BYTES} bytes")
    return found


def store(folder: Path, name: str, text: str, owner: tuple[int, int] | None) -> None:
    """Keep a credential for its owner alone. Raises OSError."""
    if not folder.is_dir():
        make_folder_durably(folder.parent)
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    folder.chmod(0o700)
    if owner is not None:
        os.chown(folder, *owner)
    write_durably(folder / name, text.encode() + b"\n", mode=_MODE, owner=owner)


def remove(folder: Path, name: str) -> None:
    """Raises FileNotFoundError, OSError."""
    (folder / name).lstat()
    remove_durably(folder / name)


def _may_look(folder: Path) -> bool:
    return not folder.exists() or os.access(folder, os.R_OK | os.X_OK)


def _there(folder: Path) -> set[str]:
    """Without what a power cut has left of a change."""
    if not folder.is_dir():
        return set()
    return {each.name for each in folder.iterdir() if each.suffix != ".part"}


def _seen(name: str, needed: Mapping[str, tuple[str, ...]], secrets: Secrets) -> Credential:
    who = needed.get(name, ())
    given = secrets.given is not None and (secrets.given / name).is_file()
    file = secrets.own / name
    mend = "edge-agent panel pin" if "panel.pin" in who else f"edge-agent secret set {name}"
    if not given and not file.exists():
        return Credential(name, who, Held.MISSING, "it is missing", mend)
    if not given and not stat.S_ISREG(file.stat().st_mode):
        return Credential(name, who, Held.WRONG, f"{file} is no file", mend)
    if not given and file.stat().st_mode & 0o077:
        return Credential(name, who, Held.WRONG, "others may read it", f"chmod 600 {file}")
    try:
        secrets.read(name)
    except Transient as error:
        return Credential(name, who, Held.WRONG, str(error), mend)
    return Credential(name, who, Held.OK)
