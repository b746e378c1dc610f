"""When an alert begins and ends: what stands long enough, and is gone long enough. Pure.

A cause is what the room shows at one moment. People are called for what lasts: an agent that starts
again is no alert, and one that flickers is one story. The same alert about another lecture is
another story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

Alert = Literal[
    "device_offline",  # the agent is down, or nothing can be recorded
    "missing_audio",  # a lecture goes on, and its main microphone delivers nothing
    "missed_capture",  # a start came to nothing, or a lecture could not be saved
]
ALERTS: tuple[Alert, ...] = get_args(Alert)
#: A cause must stand for so long before anybody is called, seconds.
LASTS_S: Mapping[Alert, float] = {
    "device_offline": 60.0,  # a restart after a change of the configuration
    "missing_audio": 30.0,
    "missed_capture": 0.0,  # nothing comes back by waiting
}
#: And be gone for so long before they are told that it is over.
GONE_S = 30.0


@dataclass(frozen=True, slots=True)
class Cause:
    """Why somebody must be called. `subject`: the lecture or booking it is about, or ""; to a desk
    that watches many rooms it is the room."""

    alert: Alert
    subject: str = ""
    text: str = ""
    title: str = ""
    course: str = ""
    lecturer: str = ""
    started_utc: str = ""
    #: Empty for a booking of which nothing was recorded.
    lecture: str = ""
    #: Of many rooms the one that it is about, as people call it, and as `site/room` of its topics;
    #: both empty: the sender's own.
    room: str = ""
    place: str = ""
    #: While this is so nothing else can be seen: what stands is not over.
    blind: bool = False

    @property
    def key(self) -> str:
        return f"{self.alert} {self.subject}"


@dataclass(frozen=True, slots=True)
class _Story:
    """One key: seen since, last seen; monotonic seconds."""

    since_s: float
    seen_s: float


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered between two looks."""

    stories: Mapping[str, _Story] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What has begun, and the keys of what has ended."""

    raised: tuple[Cause, ...] = ()
    resolved: tuple[str, ...] = ()


def look(
    watch: Watch,
    now_s: float,
    causes: Iterable[Cause],
    standing: Iterable[str],
    lasts_s: Mapping[Alert, float] = LASTS_S,
) -> tuple[Watch, News]:
    """After one more look. `standing`: the keys of what people have been told, perhaps by a process
    before this one: it ends when it has not been seen for a while since this one began."""
    told, seen = set(standing), list(causes)
    stories = {key: watch.stories.get(key, _Story(now_s, now_s)) for key in told}
    if any(cause.blind for cause in seen):
        stories = {key: replace(story, seen_s=now_s) for key, story in stories.items()}
    raised = []
    for cause in seen:
        story = replace(watch.stories.get(cause.key, _Story(now_s, now_s)), seen_s=now_s)
        stories[cause.key] = story
        if cause.key not in told and now_s - story.since_s >= lasts_s[cause.alert]:
            raised.append(cause)
    resolved = sorted(key for key in told if now_s - stories[key].seen_s >= GONE_S)
    kept = {key: story for key, story in stories.items() if key not in resolved}
    return Watch(kept), News(tuple(raised), tuple(resolved))
