"""Which of many rooms somebody must be called for, by what their broker keeps of them. Pure.

A PC that is off, stolen or without a network tells nobody so; the desk does. What it cannot see it
neither tells nor takes back: while its broker is away what stands goes on standing, and one alert
says that the desk is blind. Many rooms that go at once are one story too: their network, their
power, or a broker that has forgotten them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from edge_agent.rules import alerts
from edge_agent.rules.alerts import Alert, Cause, News, Watch
from edge_agent.rules.fleet_retained import Kept, standing_of
from edge_agent.rules.foreign import table

#: A room comes back within five minutes of a restart of its broker, and the desk needs none then.
AFTER_S = 300.0
#: So many rooms that go at once are called for one by one.
MOST_AT_ONCE = 10
_AWAY = ("OFFLINE", "SILENT")
#: Subjects that no room can have.
_DESK, _MANY = "(desk)", "(rooms)"
_TEXTS: Mapping[Alert, str] = {
    "device_offline": "its agent is down, or no device can be recorded",
    "missing_audio": "a lecture is recorded in which nobody can be heard; look at the microphone",
    "missed_capture": "a lecture was missed, or could not be saved",
}
_NAMED = 5


def blind(why: str) -> Cause:
    """Nothing is known of any room: why."""
    text = f"the desk does not see the rooms, so that nobody is called for them: {why}"
    return Cause("device_offline", _DESK, text)


def causes(rooms: Iterable[Kept], now: datetime, also: bool) -> tuple[Cause, ...]:
    """Of one moment; each with another key. `also`: what the rooms tell of themselves, too."""
    found: list[Cause] = []
    for it in rooms:
        standing = standing_of(it, now)
        if standing.state in _AWAY:
            found.append(_of(it, "device_offline", f"{it.room}: {standing.note}"))
        elif also:
            found += _told(it)
    return tuple(found)


def look(
    watch: Watch,
    now_s: float,
    seen: Sequence[Cause],
    standing: Collection[str],
    after_s: float = AFTER_S,
) -> tuple[Watch, News]:
    """As of one room, but for what the desk cannot know."""
    if any(it.subject == _DESK for it in seen):
        # A room that may be away has to be seen away for the whole time afterwards.
        shown = [*seen, *_again(standing)]
    else:
        away = {it.subject for it in seen if it.alert == "device_offline"}
        # What a room has told before it went is neither over nor new.
        held = _again(key for key in standing if _subject(key) in away)
        shown = [*_bundled(seen, set(standing)), *held]
    lasts_s = {**alerts.LASTS_S, "device_offline": after_s}
    return alerts.look(watch, now_s, shown, standing, lasts_s)


# ---------------------------------------------------------------- pieces


def _bundled(seen: Sequence[Cause], standing: Collection[str]) -> list[Cause]:
    """One cause for many rooms that go at once; those that people know of are not among them."""
    fresh: list[Cause] = []
    others: list[Cause] = []
    for it in seen:
        is_fresh = it.alert == "device_offline" and it.key not in standing
        (fresh if is_fresh else others).append(it)
    if len(fresh) <= MOST_AT_ONCE:
        return list(seen)
    names = ", ".join(it.subject for it in fresh[:_NAMED])
    text = (
        f"{len(fresh)} rooms are away at once; look at their network, their power and the broker "
        f"first. Among them: {names}"
    )
    return [*others, Cause("device_offline", _MANY, text)]


def _told(it: Kept) -> list[Cause]:
    """What a room that is there says of itself."""
    state = table(it.state)
    names = state.get("alerts")
    known = [name for name in _TEXTS if isinstance(names, list) and name in names]
    # Of the lecture that was missed it does not say there which one it was.
    of: Mapping[str, object] = {"missing_audio": state.get("lecture")}
    return [_of(it, name, f"{it.room}: {_TEXTS[name]}", of.get(name)) for name in known]


def _of(it: Kept, alert: Alert, text: str, lecture: object = None) -> Cause:
    """Everything that a room has said is foreign text."""
    said = table(lecture)
    return Cause(
        alert,
        it.room,
        text,
        title=_text(said.get("title")),
        course=_text(said.get("course")),
        lecturer=_text(said.get("lecturer")),
        started_utc=_text(said.get("started_utc")),
        lecture=_text(said.get("id")),
        room=_text(table(it.state).get("room")) or it.room,
        place=it.room,
    )


def _again(keys: Iterable[str]) -> list[Cause]:
    """What stands, as if it were still seen."""
    pairs = (key.split(" ", 1) for key in keys)
    return [Cause(cast(Alert, alert), subject) for alert, subject in pairs]


def _subject(key: str) -> str:
    return key.split(" ", 1)[1]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
