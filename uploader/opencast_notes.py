"""What is remembered of a lecture on its way to an Opencast, and known of that server. Pure.

A file that Opencast refuses for good, or that cannot be read here, holds its lecture up for a day,
so that people who look once a day can mend it. Then the lecture goes without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from uploader import opencast_wire as wire
from uploader.sender import Artifact

#: How long a lecture waits for people to mend what was refused.
GRACE = timedelta(hours=24)
#: The note for a lecture as a whole lies beside those for its files, under this name.
EVENT = Artifact("mediapackage", 0, "")

#: open: files are added; asked: ingest was sent, its answer is not known; taken: it was accepted.
Phase = Literal["open", "asked", "taken"]


@dataclass(slots=True)
class Server:
    """One Opencast, and what has been learned of it since the process started."""

    url: str
    workflow: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    series: str = ""
    flavors: Mapping[str, str] = field(default_factory=dict)
    ingest: str = ""

    def flavor(self, name: str) -> str:
        return self.flavors.get(name) or wire.flavor_of(name)


@dataclass(frozen=True, slots=True)
class State:
    """What is noted of a lecture. `held`: SHA-256 of the files in the package, by name.

    `refused`: since when a file is, in UTC, and why, by name.
    """

    phase: Phase = "open"
    package: str = ""
    held: Mapping[str, str] = field(default_factory=dict)
    beginnings: int = 0
    repeated: bool = False
    refused: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, note: Mapping[str, Any] | None) -> State:
        """A note that is none of ours is as good as lost."""
        try:
            return cls(**(note or {}))
        except TypeError:
            return cls()

    @property
    def blank(self) -> bool:
        """Nothing is known of what the server has."""
        return self == State(beginnings=self.beginnings, refused=self.refused)


def with_refusal(state: State, name: str, why: str, utc: str) -> dict[str, Mapping[str, str]]:
    """What is refused then. A second refusal does not put off the day."""
    since = state.refused.get(name, {}).get("since", utc)
    return {**state.refused, name: {"since": since, "why": why}}


def left_out(state: State, now: str) -> set[str]:
    """The files without which the lecture may go on now; a lecture without media may not."""
    if not any(map(wire.is_media, state.held)):
        return set()
    ends = ((name, _end(said)) for name, said in state.refused.items() if name != wire.CATALOG)
    moment = _time(now)
    return {name for name, end in ends if end and moment and moment >= end}


def waits_for(state: State, expected: Collection[str], now: str) -> str:
    """What the ingest waits for, in words; "": for nothing."""
    awaited = sorted(set(expected) - state.held.keys() - left_out(state, now))
    if not awaited:
        return ""
    refused = [name for name in awaited if name in state.refused]
    coming = [name for name in awaited if name not in state.refused]
    if coming:
        return f"{coming[0]} has not"
    why, end = state.refused[refused[0]].get("why", ""), _end(state.refused[refused[0]])
    words = f"{refused[0]} was refused ({why}); when that is mended: edge-agent upload retry"
    alone = refused[0] == wire.CATALOG or not any(map(wire.is_media, state.held))
    return words if alone or end is None else f"{words}; without it from {end:%d %b %H:%M} UTC on"


def _end(said: Mapping[str, str]) -> datetime | None:
    since = _time(said.get("since", ""))
    return since + GRACE if since else None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
