"""The same tiles from what a broker keeps of each room: state, health, queue, and its will. Pure.

What is kept is as old as it says. A room whose will was heard is away; one that has said nothing
for longer than its sign of life is not known to be well, whatever was kept of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge_agent.rules.fleet import LEAST_HOURS, Rank, Standing
from edge_agent.rules.foreign import number, table

#: A room gives a sign of life every quarter of an hour; a lost message or two is no silence.
SILENT = timedelta(minutes=40)
_RECORDING = ("recording", "paused", "starting", "start_failed")
#: What is wrong, by the room's own keys, where it gives no more words.
_WORDS = {
    "agent.down": "the agent is not running",
    "room.empty": "no camera and no microphone",
    "start.failed": "nothing of the recording is on the disk",
    "mic.none": "no microphone",
    "mic.silent": "the microphone delivers nothing",
    "mic.unheard": "nobody can be heard",
    "cam.none": "the camera is away",
    "slides.none": "no picture of the slides",
    "cam.covered": "the camera is covered",
    "cam.frozen": "the picture has frozen",
    "space.full": "the disk is full",
    "disk.trouble": "the disk is in trouble",
    "power.battery": "on battery",
}
#: These keep the next lecture from being recorded whole.
_COSTS_THE_NEXT = frozenset(
    {"room.empty", "mic.none", "cam.none", "space.full", "disk.trouble", "power.battery"}
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a broker keeps of one room; None: nothing, or nothing that can be read."""

    room: str
    online: bool | None = None
    state: Mapping[str, Any] | None = None
    health: Mapping[str, Any] | None = None
    queue: Mapping[str, Any] | None = None


def standing_of(it: Kept, now: datetime) -> Standing:
    """What comes of it. Everything in it is foreign text."""
    state, health = table(it.state), table(it.health)
    heard = _heard(it)
    waiting = _count(table(it.queue), "waiting")
    if it.online is not True:
        return Standing(it.room, Rank.WILL_LOSE, "OFFLINE", _away(it, state, heard), queue=waiting)
    if not state:
        note = "it is there, and has said nothing of its state"
        return Standing(it.room, Rank.WILL_LOSE, "UNKNOWN", note, queue=waiting)
    if health.get("clock") == "synchronised" and heard is not None and now - heard > SILENT:
        note = f"it has said nothing since {_clock(heard)}, though its broker holds it for there"
        return Standing(it.room, Rank.WILL_LOSE, "SILENT", note, queue=waiting)
    losing, will_lose = _losing(state), _will_lose(state, health)
    look = _look(state, health, table(it.queue))
    rank = Rank.LOOK if look else Rank.WELL
    rank = Rank.LOSING if losing else Rank.WILL_LOSE if will_lose else rank
    lecture, booking = table(state.get("lecture")), table(state.get("booking"))
    return Standing(
        room=it.room,
        rank=rank,
        state="MISSING" if booking else _text(state.get("word"), "unknown"),
        note="; ".join(dict.fromkeys([*losing, *will_lose, *look])),
        since_utc=_text(lecture.get("started_utc") or booking.get("starts_utc")),
        queue=waiting,
        hours=number(health.get("space_hours")),
        things="lectures",
    )


def _away(it: Kept, state: Mapping[str, Any], heard: datetime | None) -> str:
    if it.online is None and not state:
        return "it was never at the broker"
    since = f"offline, last heard at {_clock(heard)}" if heard else "offline"
    word = state.get("word")
    return f"{since}, when it was {word}" if word in _RECORDING else since


def _losing(state: Mapping[str, Any]) -> list[str]:
    """Something of a lecture that is on, or is booked, is not recorded, or cannot be heard."""
    booking = table(state.get("booking"))
    if booking:
        return [f"booked and not recorded: {_text(booking.get('reason')) or 'see its status'}"]
    if state.get("word") == "start_failed":
        return [_WORDS["start.failed"]]
    if state.get("word") not in ("recording", "starting"):
        return []
    found = [f"{name} is away" for name, how in _tracks(state) if how == "lost"]
    if "missing_audio" in _list(state.get("alerts")):
        found.append(_WORDS["mic.unheard"])
    return found


def _will_lose(state: Mapping[str, Any], health: Mapping[str, Any]) -> list[str]:
    """What keeps the next lecture from being recorded whole."""
    if health.get("agent") is False:
        return [_WORDS["agent.down"]]
    found = [f"{name} is away" for name, how in _tracks(state) if how == "lost"]
    found += [] if _tracks(state) else [_WORDS["room.empty"]]
    found += [words for key, words in _problems(state) if key in _COSTS_THE_NEXT]
    hours = number(health.get("space_hours"))
    found += [f"disk: {hours:.0f} h left"] if hours is not None and hours < LEAST_HOURS else []
    found += ["muted"] if state.get("muted") is True else []
    return found


def _look(
    state: Mapping[str, Any], health: Mapping[str, Any], queue: Mapping[str, Any]
) -> list[str]:
    told = _COSTS_THE_NEXT | {"agent.down", "start.failed", "clock.unsure"}
    found = [words for key, words in _problems(state) if key not in told]
    if helpless := _count(queue, "help"):
        found.append(f"{helpless} lectures need a person")
    if "missed_capture" in _list(state.get("alerts")):
        found.append("a lecture was missed, or could not be saved")
    if health.get("clock") == "unset":
        found.append("its clock is not set")
    return found


# ---------------------------------------------------------------- foreign text


def _heard(it: Kept) -> datetime | None:
    """The last time that it said something, by its own clock."""
    times = [_time(table(part).get("at")) for part in (it.state, it.health, it.queue)]
    return max((at for at in times if at is not None), default=None)


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "a time that is not known"


def _tracks(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    tracks = map(table, _list(state.get("tracks")))
    return [(_text(it.get("name"), "a track"), _text(it.get("state"))) for it in tracks]


def _problems(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for problem in map(table, _list(state.get("problems"))):
        key = _text(problem.get("key"))
        words = _text(problem.get("detail")) or _WORDS.get(key, key)
        track = _text(problem.get("track"))
        found.append((key, f"{track}: {words}" if track else words))
    return found


def _count(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object, otherwise: str = "") -> str:
    return value[:200] if isinstance(value, str) and value else otherwise


def _list(value: object) -> list[Any]:
    return value[:50] if isinstance(value, list) else []
