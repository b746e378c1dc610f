"""What the Tab key offers: ids, names and keys of this room. Never fails, and never prints.

A shell asks at each press, and shows whatever comes out; so a fault means: nothing to offer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from edge_agent.commands.output import Failure
from edge_agent.commands.room import Room, room_of
from edge_agent.places import ConfigError

#: Of the newest lectures; more would fill the screen.
LECTURES = 30
Offer = Callable[[typer.Context, str], list[tuple[str, str]]]


def offering(look: Callable[[Room], Iterable[tuple[str, str]]]) -> Offer:
    """A completion of what `look` finds in the room: words, each with what it is."""

    def offer(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        named = context.find_root().params.get("config") or os.environ.get("EDGE_AGENT_CONFIG")
        try:
            here = room_of(Path(named) if named else None)
            return [(word, about) for word, about in look(here) if word.startswith(incomplete)]
        except (ConfigError, Failure, sqlite3.Error, OSError, ValueError):
            return []

    return offer


def _lectures(here: Room) -> Iterable[tuple[str, str]]:
    with here.ledger() as ledger:
        newest = ledger.latest(LECTURES)
    yield "last", "the newest"
    for lecture in newest:
        about = f"{lecture.started_utc[:10]} {lecture.state} {lecture.title}"
        yield lecture.id, "".join(c if c.isprintable() else " " for c in about).strip()


def _binned(here: Room) -> Iterable[tuple[str, str]]:
    with here.ledger() as ledger:
        return [(row.lecture, f"deleted {row.deleted_utc[:10]}") for row in ledger.bin()]


def _destinations(here: Room) -> Iterable[tuple[str, str]]:
    return _named(here, "destinations", "type")


def _tracks(here: Room) -> Iterable[tuple[str, str]]:
    return _named(here, "tracks", "kind")


def _devices(here: Room) -> Iterable[tuple[str, str]]:
    """What the configuration or the agent knows: asking the devices themselves takes a second."""
    yield from _named(here, "devices", "name")
    for name, track in (here.status() or {"tracks": {}})["tracks"].items():
        yield str(track["device"]), name


def _named(here: Room, table: str, kind: str) -> Iterable[tuple[str, str]]:
    """As they are written, right or wrong: the models would take too long to load."""
    found = here.written.values.get(table)
    for name, each in found.items() if isinstance(found, dict) else ():
        yield name, str(each.get(kind, "")) if isinstance(each, dict) else ""


def _secrets(here: Room) -> Iterable[tuple[str, str]]:
    from edge_agent.config import validated
    from edge_agent.credential_desk import survey
    from edge_agent.secrets import Secrets

    secrets = Secrets.of(os.environ, here.written.main.parent)
    for each in survey(validated(here.written), secrets):
        yield each.name, str(each.state)


def _keys(here: Room) -> Iterable[tuple[str, str]]:
    from edge_agent.config import validated
    from edge_agent.config_edit import flat, key_text

    for path, _ in flat(validated(here.written).model_dump(mode="json")):
        yield key_text(path), ""


def _checks(_: Room) -> Iterable[tuple[str, str]]:
    from edge_agent.commands.checks import CHECKS

    return [(name, (check.__doc__ or "").strip()) for name, check in CHECKS.items()]


def _rooms(_: Room) -> Iterable[tuple[str, str]]:
    from device_profiles.room_profile import load_rooms

    return [(profile.name, profile.title) for profile in load_rooms().profiles]


def _versions(here: Room) -> Iterable[tuple[str, str]]:
    from edge_agent.config_history import History

    for version in History(here.written.main).versions():
        yield str(version.number), f"{version.at:%Y-%m-%d %H:%M} {version.file.name}"


lectures = offering(_lectures)
binned = offering(_binned)
destinations = offering(_destinations)
tracks = offering(_tracks)
devices = offering(_devices)
secrets = offering(_secrets)
rooms = offering(_rooms)
keys = offering(_keys)
checks = offering(_checks)
versions = offering(_versions)
