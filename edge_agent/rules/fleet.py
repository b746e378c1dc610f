"""What matters most in many rooms: who loses a lecture now, who will lose the next one. Pure.

A room's word is the document of `edge-agent status --json`. What a room does not say, by being of
another version or of none, counts as unknown, never as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from edge_agent.rules.foreign import line, number, table
from edge_agent.rules.moments import moment

#: Free space that an hour of lecture takes at most, in bytes: 4 Mbit/s for each of two pictures.
HOUR_BYTES = 3_600_000_000
#: With less than this many hours left the next lecture may not fit.
LEAST_HOURS = 3.0
_READY = ("armed", "recording", "finishing")


class Rank(IntEnum):
    """Worst first."""

    LOSING = 0
    WILL_LOSE = 1
    LOOK = 2
    WELL = 3


@dataclass(frozen=True, slots=True)
class Word:
    """What came back from a room: its status, or why there is none."""

    room: str
    status: Mapping[str, Any] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One room in a line. Its words are its own, and so are its mistakes: what cannot be shown is
    left out here, so that no room hides the others."""

    room: str
    rank: Rank
    state: str
    note: str = ""
    #: When the lecture under way began, or the booking that is not recorded.
    since_utc: str = ""
    #: What waits to be sent: so many `things`.
    queue: int | None = None
    hours: float | None = None
    things: str = "files"

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", line(self.state) or "unknown")
        object.__setattr__(self, "note", line(self.note))
        object.__setattr__(self, "since_utc", self.since_utc if moment(self.since_utc) else "")


def ranked(words: list[Word]) -> list[Standing]:
    """Worst first, then by name."""
    return in_order(map(standing, words))


def in_order(standings: Iterable[Standing]) -> list[Standing]:
    """Worst first, then by name."""
    return sorted(standings, key=lambda it: (it.rank, it.room))


def standing(word: Word) -> Standing:
    """What one room's word comes to."""
    if word.status is None:
        return Standing(word.room, Rank.WILL_LOSE, "NO ANSWER", word.trouble)
    agent, queue = table(word.status.get("agent")), table(word.status.get("queue"))
    count = queue.get("files")
    waiting = count if isinstance(count, int) else None
    if not word.status.get("running") or not agent:
        note = "the agent is not running"
        return Standing(word.room, Rank.WILL_LOSE, "NOT RUNNING", note, queue=waiting)
    lecture = table(agent.get("lecture"))
    hours = _hours(agent)
    losing, will_lose = _losing(agent, lecture), _will_lose(agent, hours)
    look = _look(agent, queue)
    notes = [*losing, *will_lose, *look]
    return Standing(
        room=word.room,
        rank=_rank(losing, will_lose, look),
        state=str(lecture.get("state") or ("MISSING" if _missing(agent, lecture) else "ready")),
        note="; ".join(dict.fromkeys(notes)),
        since_utc=str(lecture.get("started_utc") or _booked(agent).get("starts_utc") or ""),
        queue=waiting,
        hours=hours,
    )


def _rank(losing: list[str], will_lose: list[str], look: list[str]) -> Rank:
    if losing:
        return Rank.LOSING
    if will_lose:
        return Rank.WILL_LOSE
    return Rank.LOOK if look else Rank.WELL


def _losing(agent: Mapping[str, Any], lecture: Mapping[str, Any]) -> list[str]:
    """Something of a lecture that is on is not recorded, or cannot be heard."""
    if _missing(agent, lecture):
        return [f"booked and not recorded: {_booked(agent).get('reason') or 'see its status'}"]
    if lecture.get("state") != "recording":
        return []
    return [
        f"{name} {_trouble(track)}"
        for name, track in _tracks(agent)
        if track.get("phase") not in ("recording", "finishing") or track.get("warning")
    ]


def _missing(agent: Mapping[str, Any], lecture: Mapping[str, Any]) -> bool:
    booked = _booked(agent)
    return bool(booked) and not lecture and booked.get("outcome") not in ("begun", "covered")


def _will_lose(agent: Mapping[str, Any], hours: float | None) -> list[str]:
    """What keeps the next lecture from being recorded whole."""
    tracks = _tracks(agent)
    spool = table(agent.get("spool"))
    away = [
        f"{name} {_trouble(track)}" for name, track in tracks if track.get("phase") not in _READY
    ]
    found = [] if tracks else ["no camera and no microphone"]
    found += [] if hours is None or hours >= LEAST_HOURS else [f"disk: {hours:.0f} h left"]
    found += [str(spool["trouble"])] if spool.get("trouble") else []
    found += ["muted"] if agent.get("muted") else []
    found += ["on battery"] if agent.get("on_battery") else []
    trouble = table(agent.get("schedule")).get("trouble")
    return [*found, *away, *([str(trouble)] if trouble else [])]


def _look(agent: Mapping[str, Any], queue: Mapping[str, Any]) -> list[str]:
    found = [f"{name} {track['warning']}" for name, track in _tracks(agent) if track.get("warning")]
    if troubled := queue.get("troubled"):
        found.append(f"{troubled} files cannot be sent")
    if failed := queue.get("failed_lectures"):
        found.append(f"{failed} lectures need a person")
    if agent.get("clock_trust") == "unset":
        found.append("its clock is not set")
    return found


def _trouble(track: Mapping[str, Any]) -> str:
    words = track.get("warning") or track.get("reason") or f"is {track.get('phase') or 'unknown'}"
    return str(words)


def _tracks(agent: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(name), table(it)) for name, it in sorted(table(agent.get("tracks")).items())]


def _booked(agent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The booking whose time it is."""
    return table(table(agent.get("schedule")).get("now"))


def _hours(agent: Mapping[str, Any]) -> float | None:
    free = number(table(agent.get("spool")).get("free_bytes"))
    return free / HOUR_BYTES if free is not None else None
