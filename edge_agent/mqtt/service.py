"""The process that shows the room to a broker and passes commands on to the agent.

Not part of the recording: it may hang or die, and so may the broker, and no lecture minds. The room
is looked at in a thread and the agent is asked in threads, since both may wait for a disk; the loop
itself waits for the broker alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from edge_agent.clock import Clock, Now
from edge_agent.mqtt.desk import Desk
from edge_agent.mqtt.judge import Incoming, Judge, Refused
from edge_agent.mqtt.link import LinkLost
from edge_agent.mqtt.messages import ANSWER_EXPIRY_S, Answer
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.patience import LASTED_S, Patience
from edge_agent.mqtt.view import MOST_DUE, Snapshot, View
from edge_agent.stopping import Stop

#: One turn of the loop; what comes from the broker ends it sooner. The shorter one while the agent
#: is asked, so that its answer leaves at once.
TURN_S, ASKING_TURN_S = 0.25, 0.02
#: The process stood still for longer (a computer asleep, a stopped process): what lies in its
#: socket may have lain there as long.
STALL_S = 5.0
#: So many connections in a row, each lost soon, are a quarrel about a name.
FIGHT = 3
#: Answers to what is no command: so many at once, and so many a second.
MOST_REFUSALS, REFUSALS_PER_S = 20.0, 1.0


class Connection(Protocol):
    """See `edge_agent.mqtt.link.Link`."""

    connected: bool

    @property
    def free(self) -> int: ...
    def open(self) -> None: ...
    def turn(self, seconds: float) -> list[Incoming]: ...
    def publish(self, post: Post) -> bool: ...
    def arrived(self) -> list[str]: ...
    def close(self, farewell: Post | None = None) -> None: ...


def awake_s() -> float:
    """A clock that goes on while the computer sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Service:
    """Used by one thread."""

    make_link: Callable[[], Connection]
    view: View
    judge: Judge
    desk: Desk
    #: The room now; takes monotonic nanoseconds.
    sight: Callable[[int], Snapshot]
    patience: Patience
    clock: Clock
    tell: Callable[[str], None]
    #: Told each new cursor of the events.
    keep_cursor: Callable[[int], None]
    awake: Callable[[], float] = awake_s
    refused: Counter[str] = field(default_factory=Counter)
    _link: Connection | None = None
    _greeted: bool = False
    _opened_s: float = 0.0
    _next_s: float | None = None
    _turned_s: float | None = None
    _late: bool = False
    _refusals: float = MOST_REFUSALS
    _refusals_s: float = 0.0
    _said: str = ""
    #: Connections in a row that were lost soon.
    _short: int = 0

    def step(self) -> float:
        """One turn; how long to wait before the next (0: it has waited for the broker)."""
        now = self.clock.now()
        now_s = now.mono_ns / 1e9
        snapshot = self._with_refusals(self.sight(now.mono_ns))
        try:
            return self._step(now, now_s, snapshot)
        except LinkLost as lost:
            self._drop(now_s, lost)
            return 0.0

    def close(self) -> None:
        """The broker is told that the room is away."""
        if self._link is not None:
            farewell = Post(self.view.topics.online, b"false", retain=True)
            self._link.close(farewell)
            self._link = None
        self.desk.close()

    # ------------------------------------------------------------ the connection

    def _step(self, now: Now, now_s: float, snapshot: Snapshot) -> float:
        if self._link is None:
            wait_s = self._until_next(now_s)
            if wait_s > 0:
                self.desk.settled()  # nobody hears them; the inbox keeps them under their ids
                return min(TURN_S, wait_s)
            self._open(now_s)
        link = self._link
        assert link is not None
        for incoming in self._heard(link):
            self._heed(link, incoming, now, snapshot)
        if link.connected:
            self._tell_all(link, now_s, snapshot)
        return 0.0

    def _until_next(self, now_s: float) -> float:
        if self._next_s is None:
            self._next_s = now_s + self.patience.first()
        return self._next_s - now_s

    def _tell_all(self, link: Connection, now_s: float, snapshot: Snapshot) -> None:
        if not self._greeted:
            self._greet(link)
        for answered in self.desk.settled():
            self._answer(link, answered.reply.topic, answered.reply.correlation, answered.answer)
        if link.free >= MOST_DUE:
            for post in self.view.due(now_s, snapshot):
                link.publish(post)
        for topic in link.arrived():
            cursor = self.view.arrived(topic)
            if cursor is not None:
                self.keep_cursor(cursor)

    def _open(self, now_s: float) -> None:
        link = self._link = self.make_link()
        self._greeted, self._opened_s = False, now_s
        self._turned_s, self._late = None, False
        link.open()

    def _greet(self, link: Connection) -> None:
        self._greeted = True
        self._say("connected to the broker")
        for post in self.view.connected():
            link.publish(post)

    def _drop(self, now_s: float, lost: LinkLost) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
        lasted_s = now_s - self._opened_s if self._greeted else 0.0
        self._short = self._short + 1 if self._greeted and lasted_s < LASTED_S else 0
        self._greeted = False
        self._next_s = now_s + self.patience.next(lasted_s, lost.hopeless)
        # Not every broker says that it was this.
        name = self.view.topics.client_id
        fight = f"; does another computer go by the name {name}?" if self._short >= FIGHT else ""
        self._say(f"{lost}{fight}")

    def _say(self, line: str) -> None:
        """The same again is no news."""
        if line != self._said:
            self._said = line
            self.tell(line)

    # ------------------------------------------------------------ commands

    def _heard(self, link: Connection) -> list[Incoming]:
        """What has come; marked as late as long as there is more that waited while we stood."""
        awake_s = self.awake()
        if self._turned_s is not None and awake_s - self._turned_s > STALL_S:
            self._late = True
        found = link.turn(ASKING_TURN_S if self.desk.waiting else TURN_S)
        self._turned_s = self.awake()
        if not found:
            self._late = False
        return [replace(it, late=True) for it in found] if self._late else found

    def _heed(self, link: Connection, it: Incoming, now: Now, snapshot: Snapshot) -> None:
        verdict = self.judge.judge(it, now.utc, now.trust == "synchronised", snapshot.state.turn)
        if not isinstance(verdict, Refused):
            if self.desk.ask(verdict):
                return
            verdict = self.desk.busy(verdict)
        self._count(it, verdict)
        now_s = now.mono_ns / 1e9
        self._refusals += (now_s - self._refusals_s) * REFUSALS_PER_S
        self._refusals, self._refusals_s = min(MOST_REFUSALS, self._refusals), now_s
        if verdict.reply is None or self._refusals < 1:
            return
        self._refusals -= 1
        answer = Answer(id=verdict.id, ok=False, error=verdict.fault)
        self._answer(link, verdict.reply.topic, verdict.reply.correlation, answer)

    def _count(self, it: Incoming, verdict: Refused) -> None:
        """Each code is told at its first, tenth, hundredth … time."""
        code = verdict.fault.code
        self.refused[code] += 1
        count = self.refused[code]
        if str(count).strip("0") == "1":
            where = it.topic.removeprefix(self.view.topics.prefix)[:60]
            self.tell(f"refused {where!r}: {verdict.fault.message} ({code}, {count} so far)")

    def _answer(self, link: Connection, topic: str, correlation: bytes, answer: Answer) -> None:
        at = answer.model_copy(update={"at": self.clock.now().utc_text})
        payload = at.model_dump_json(exclude_none=True).encode()
        link.publish(Post(topic, payload, False, ANSWER_EXPIRY_S, correlation))

    def _with_refusals(self, snapshot: Snapshot) -> Snapshot:
        health = snapshot.health.model_copy(update={"refused": dict(self.refused)})
        return replace(snapshot, health=health)


def run(service: Service, stop: Stop, alive: Callable[[], object]) -> None:
    """Until `stop` is set; `alive` is called after each turn."""
    try:
        while not stop.is_set():
            wait_s = service.step()
            alive()
            if wait_s:
                stop.wait(wait_s)
    finally:
        service.close()
