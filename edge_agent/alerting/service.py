"""The process that calls people by webhooks: `edge-agent alerts run`, `edge-agent fleet watch`.

Not part of the recording, and never waited for. It looks at the room as the panel does, or at many
rooms as their broker keeps them; what has to be told is durable before it is sent, and sent until
it was taken. Its loop waits for nothing but its own small file: each webhook is posted to in a
thread of its own, one letter at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from edge_agent.alerting import outbox
from edge_agent.alerting.outbox import BadOutbox, Moment, Outbox, Sender, Waiting
from edge_agent.alerting.wire import Outcome
from edge_agent.clock import Clock, Now
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.durable import write_durably
from edge_agent.ids import uuid7
from edge_agent.rules import alerts as rules
from edge_agent.rules.alerts import Cause
from edge_agent.stopping import Stop
from edge_agent.whole_files import replace as replace_file
from uploader.pacing import delay_s

TICK_S = 0.5
#: After failures in a row: doubling, the later half by chance, so that rooms do not come together.
FIRST_S, LONGEST_S = 5.0, 1800.0
#: A receiver that asks for more patience than this may be wrong, and somebody waits for the alert.
MOST_PATIENCE_S = 3600.0
#: A letter that is refused so often (in two hours or so) is given up: the next gets its turn.
MOST_REFUSALS = 12
CLOCK_UNSET = "the clock of this PC is not set, so that no receiver could believe what is signed"

Try: TypeAlias = Callable[[WebhookConfig, Waiting], Outcome]
#: What has begun and ended, by what is seen and the keys of what stands.
Judge: TypeAlias = Callable[
    [rules.Watch, float, Sequence[Cause], Collection[str]], tuple[rules.Watch, rules.News]
]


@dataclass(slots=True)
class _Place:
    """One webhook: what is under way to it, and when it is tried again. In memory alone."""

    config: WebhookConfig
    thread: ThreadPoolExecutor
    under_way: Future[Outcome] | None = None
    letter: str = ""
    failures: int = 0
    refusals: int = 0
    not_before_s: float = 0.0
    trouble: str = ""
    gone: bool = False


@dataclass
class Service:
    """Used by one thread."""

    file: Path
    #: What the process met, for `edge-agent alerts status`.
    news: Path
    sender: Sender
    webhooks: Mapping[str, WebhookConfig]
    #: The room now; takes monotonic nanoseconds.
    sight: Callable[[int], Sequence[Cause]]
    post: Try
    clock: Clock
    #: 0 to 1.
    chance: Callable[[], float]
    tell: Callable[[str], None]
    judge: Judge = rules.look
    _box: Outbox = field(default_factory=Outbox)
    _watch: rules.Watch = field(default_factory=rules.Watch)
    _places: dict[str, _Place] = field(default_factory=dict)
    _unsaved: bool = False
    _said: str = ""
    _told_news: str = ""

    def open(self) -> None:
        """Take up what an earlier process has left. A damaged file is told, and written anew."""
        try:
            self._box = outbox.read(self.file.read_bytes())
        except FileNotFoundError:
            pass
        except (BadOutbox, OSError) as error:
            self.tell(f"{error}; what waited in it is lost, what stands is told again")
        self._box = outbox.known_to(self._box, self.webhooks)
        self._places = {
            name: _Place(config, ThreadPoolExecutor(1, f"webhook-{name}"))
            for name, config in self.webhooks.items()
        }

    def step(self) -> None:
        """One turn of the loop."""
        now = self.clock.now()
        now_s = now.mono_ns / 1e9
        self._look(now, now_s)
        for name, place in self._places.items():
            self._heed(name, place, now_s)
        if self._unsaved:
            self._save()
        for name, place in self._places.items():
            self._send(name, place, now, now_s)
        self._write_news()

    def close(self) -> None:
        """What is under way ends, and counts."""
        for name, place in self._places.items():
            place.thread.shutdown(wait=True)
            self._heed(name, place, 0.0)
        if self._unsaved:
            self._save()

    # ------------------------------------------------------------ what has begun and ended

    def _look(self, now: Now, now_s: float) -> None:
        standing = [it.key for it in self._box.standing]
        causes = self.sight(now.mono_ns)
        self._watch, news = self.judge(self._watch, now_s, causes, standing)
        at = Moment(now.utc_text, now.trust)
        for cause in news.raised:
            ids = self._id(now), self._id(now)
            self._box = outbox.raised(self._box, self.sender, cause, at, ids)
            self.tell(f"{cause.alert}: {cause.text}")
        for key in news.resolved:
            self._box = outbox.resolved(self._box, self.sender, key, at, self._id(now))
            self.tell(f"{key.strip()} is over")
        if news.raised or news.resolved:
            self._box, self._unsaved = outbox.known_to(self._box, self._living()), True

    def _living(self) -> list[str]:
        return [name for name, place in self._places.items() if not place.gone]

    def _id(self, now: Now) -> str:
        return uuid7(int(now.utc.timestamp() * 1e9))

    # ------------------------------------------------------------ what is sent

    def _heed(self, name: str, place: _Place, now_s: float) -> None:
        """What came of the letter that was under way."""
        if place.under_way is None or not place.under_way.done():
            return
        outcome, place.under_way = place.under_way.result(), None
        if outcome.kind == "taken":
            place.failures = place.refusals = 0
            self._done(name, place)
            self._say(name, place, "")
            return
        self._say(name, place, outcome.words)
        if outcome.kind == "gone":
            place.gone = True
            self._box, self._unsaved = outbox.known_to(self._box, self._living()), True
            return
        place.failures += 1
        place.refusals += outcome.kind == "refused"
        place.not_before_s = now_s + wait_s(place.failures, self.chance(), outcome.retry_after_s)
        if place.refusals >= MOST_REFUSALS:
            place.refusals = 0
            self.tell(f"webhook {name}: letter {place.letter} is given up")
            self._done(name, place)

    def _done(self, name: str, place: _Place) -> None:
        self._box, self._unsaved = outbox.taken(self._box, place.letter, name), True

    def _send(self, name: str, place: _Place, now: Now, now_s: float) -> None:
        letter = self._box.of(name)
        if place.under_way is not None or place.gone or letter is None:
            return
        if now_s < place.not_before_s:
            return
        if now.trust == "unset":
            self._say(name, place, CLOCK_UNSET)
            return
        place.letter = letter.id
        place.under_way = place.thread.submit(self.post, place.config, letter)

    def _say(self, name: str, place: _Place, trouble: str) -> None:
        """The same again is no news."""
        if trouble != place.trouble:
            place.trouble = trouble
            self.tell(f"webhook {name}: {trouble or 'it takes the letters again'}")

    # ------------------------------------------------------------ what is kept

    def _save(self) -> None:
        """A disk that refuses delays no alert; it is tried again in the next turn."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self.file, outbox.written(self._box), 0o640)
            self._unsaved = False
        except OSError as error:
            words = f"the alerts cannot be kept: {error.strerror or error}"
            if words != self._said:
                self._said = words
                self.tell(words)

    def _write_news(self) -> None:
        found = {
            name: {"trouble": place.trouble, "failures": place.failures, "gone": place.gone}
            for name, place in self._places.items()
        }
        text = json.dumps(found)
        if text == self._told_news:
            return
        try:
            replace_file(self.news, text)
            self._told_news = text
        except OSError:
            return  # people see the log


def wait_s(failures: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next try after so many failures in a row."""
    asked = min(retry_after_s or 0.0, MOST_PATIENCE_S)
    return max(delay_s(failures, chance, FIRST_S, LONGEST_S), asked * (1.0 + chance / 4.0))


def run(service: Service, stop: Stop, alive: Callable[[], object]) -> None:
    """Until `stop` is set; `alive` is called after each turn."""
    service.open()
    try:
        while not stop.is_set():
            service.step()
            alive()
            stop.wait(TICK_S)
    finally:
        service.close()
