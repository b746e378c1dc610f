"""What is told, and when: the newest of each topic, once, within the ration. Pure.

The room is looked at again and again; what has changed since it was last told is sent again, and a
topic whose last message is still on its way waits. So nothing piles up for a broker that is slow
or full, and after each connection all of it is told anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.mqtt.messages import Event, Health, Queue, State, Wire
from edge_agent.mqtt.packets import Post, wire_bytes
from edge_agent.mqtt.ration import Ration
from edge_agent.mqtt.topics import Topics

#: Small changes of a topic are told together.
SMALL_S = 60.0
#: A sign of life, and a remedy for a broker that has forgotten what it retained.
HEARTBEAT_S = 900.0
#: After that an event is history; the ledger has it.
EVENT_EXPIRY_S = 7 * 24 * 3600
#: Of the events, so many are on their way at most.
EVENTS_AT_ONCE = 5
#: More than that `due` never returns.
MOST_DUE = 3 + EVENTS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The room at one moment."""

    state: State
    health: Health
    queue: Queue
    #: The last events, oldest first.
    events: Sequence[Event] = ()
    #: UTC of the moment.
    at: str = ""


@dataclass(slots=True)
class _Told:
    """One topic: what was told last, and whether the broker has it."""

    content: Wire | None = None
    at_s: float = 0.0
    under_way: bool = False


@dataclass(slots=True)
class View:
    """Used by one thread. Times are seconds of a monotonic clock."""

    topics: Topics
    #: Retained messages besides: topic and payload, told after each connection.
    besides: Mapping[str, bytes] = field(default_factory=dict)
    #: The broker has all events up to this one.
    cursor: int = 0
    ration: Ration = field(default_factory=Ration)
    _told: dict[str, _Told] = field(default_factory=dict)
    #: Events that are on their way, and the highest that ever was.
    _events: set[int] = field(default_factory=set)
    _highest: int = 0

    def __post_init__(self) -> None:
        self._highest = self.cursor

    def connected(self) -> list[Post]:
        """What a broker hears first."""
        self._told.clear()
        self._events.clear()
        self._highest = self.cursor
        posts = [Post(self.topics.online, b"true", retain=True)]
        posts += [Post(topic, payload, retain=True) for topic, payload in self.besides.items()]
        return posts

    def due(self, now_s: float, it: Snapshot) -> list[Post]:
        """What is to be told now. Of each post `arrived` is called once the broker has it."""
        posts = []
        urgent = _urgency(it.state)
        for topic, content in (
            (self.topics.state, it.state),
            (self.topics.health, it.health),
            (self.topics.queue, it.queue),
        ):
            post = self._changed(now_s, topic, content, it.at, urgent)
            posts += [post] if post else []
        return posts + self._of_events(now_s, it.events)

    def arrived(self, topic: str) -> int | None:
        """The broker has it. A new cursor, or None."""
        told = self._told.get(topic)
        if told is not None:
            told.under_way = False
        start = f"{self.topics.prefix}/event/"
        number = topic.removeprefix(start)
        if not topic.startswith(start) or not number.isdigit():
            return None
        self._events.discard(int(number))
        # What is behind one that is still on its way is told again after a lost connection.
        reached = min(self._events, default=self._highest + 1) - 1
        if reached <= self.cursor:
            return None
        self.cursor = reached
        return reached

    # ------------------------------------------------------------ pieces

    def _changed(
        self, now_s: float, topic: str, content: Wire, at: str, urgency: object
    ) -> Post | None:
        told = self._told.setdefault(topic, _Told())
        if told.under_way:
            return None
        before = told.content
        same = before is not None and _plain(before) == _plain(content)
        first = before is None
        urgent = isinstance(before, State) and _urgency(before) != urgency
        waited_s = now_s - told.at_s
        if not first and not urgent and waited_s < (HEARTBEAT_S if same else SMALL_S):
            return None
        post = Post(topic, _json(content, at), retain=True)
        if not self.ration.take(now_s, wire_bytes(post), urgent or first):
            return None
        self._told[topic] = _Told(content, now_s, True)
        return post

    def _of_events(self, now_s: float, events: Sequence[Event]) -> list[Post]:
        if events and events[-1].id < self.cursor:
            self.cursor = self._highest = 0  # a ledger that was built anew
        posts = []
        for event in events:
            if event.id <= self._highest or len(self._events) >= EVENTS_AT_ONCE:
                continue
            payload = event.model_dump_json(exclude_none=True).encode()
            post = Post(self.topics.event(event.id), payload, expiry_s=EVENT_EXPIRY_S)
            if not self.ration.take(now_s, wire_bytes(post), urgent=False):
                break
            self._events.add(event.id)
            self._highest = event.id
            posts.append(post)
        return posts


def _urgency(state: State) -> object:
    """What people wait for."""
    return state.word, state.lecture, state.muted, state.running, state.alerts


def _plain(content: Wire) -> Wire:
    """Without what only says when it was told; a running time is told by its beginning."""
    if isinstance(content, State):
        return content.model_copy(update={"at": "", "recorded_s": 0})
    return content.model_copy(update={"at": ""})


def _json(content: Wire, at: str) -> bytes:
    return content.model_copy(update={"at": at}).model_dump_json(exclude_none=True).encode()
