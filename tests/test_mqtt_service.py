"""Laws of the loop between broker, room and agent; the broker is a test."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from edge_agent.asking import NoAnswer, NotRunning
from edge_agent.mqtt.desk import MOST_WAITING, Desk
from edge_agent.mqtt.judge import Incoming, Judge
from edge_agent.mqtt.link import MOST_UNDER_WAY, LinkLost
from edge_agent.mqtt.messages import COMMANDS, Health, Queue, State
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.patience import Patience
from edge_agent.mqtt.service import FIGHT, MOST_REFUSALS, STALL_S, Service
from edge_agent.mqtt.topics import Topics
from edge_agent.mqtt.view import Snapshot, View
from tests.fixed_clock import FixedClock
from tests.hardware_fixtures import wait_for

TOPICS = Topics("royal", "b-204")
HANG_S = 30.0
PREFIX = TOPICS.prefix
ROOM = Snapshot(State(word="ready"), Health(), Queue())


@dataclass
class FakeLink:
    """A broker that is told by the test what it does. `lost`: raised at the next turn."""

    coming: list[Incoming] = field(default_factory=list)
    published: list[Post] = field(default_factory=list)
    acknowledges: bool = True
    lost: LinkLost | None = None
    refuses: LinkLost | None = None
    connected: bool = False
    free: int = MOST_UNDER_WAY
    closed_with: list[Post | None] = field(default_factory=list)
    _arrived: list[str] = field(default_factory=list)

    def open(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    def turn(self, seconds: float) -> list[Incoming]:
        if self.lost is not None:
            raise self.lost
        self.connected = True
        found, self.coming = self.coming, []
        return found

    def publish(self, post: Post) -> bool:
        self.published.append(post)
        if self.acknowledges:
            self._arrived.append(post.topic)
        return True

    def arrived(self) -> list[str]:
        found, self._arrived = self._arrived, []
        return found

    def close(self, farewell: Post | None = None) -> None:
        self.closed_with.append(farewell)


class World:
    """A service, its clock, and all connections that it has made."""

    def __init__(self, answer: Callable[[str], dict[str, Any]] = lambda verb: {}) -> None:
        self.links: list[FakeLink] = []
        self.clock, self.awake_s = FixedClock(), 0.0
        self.asked: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.lost: LinkLost | None = None

        def ask(verb: str, args: Any, key: str, ttl_s: float) -> dict[str, Any]:
            self.asked.append((verb, key))
            return answer(verb)

        self.service = Service(
            make_link=self._make,
            view=View(TOPICS),
            judge=Judge(TOPICS, COMMANDS),
            desk=Desk(ask),
            sight=lambda now_ns: ROOM,
            patience=Patience(random.Random(1)),
            clock=self.clock,
            tell=self.said.append,
            keep_cursor=lambda number: None,
            awake=lambda: self.awake_s,
        )

    def _make(self) -> FakeLink:
        self.links.append(FakeLink(refuses=self.lost))
        return self.links[-1]

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def connect(self) -> FakeLink:
        before = len(self.links)
        while len(self.links) == before:
            self.clock.pass_time(1)
            self.service.step()
        return self.link

    def hear(self, *coming: Incoming) -> list[dict[str, Any]]:
        """One turn with these messages; the answers to them."""
        self.link.coming = list(coming)
        before = len(self.link.published)
        self.service.step()
        return [json.loads(p.payload) for p in self.link.published[before:] if _is_answer(p)]

    def answers(self) -> list[dict[str, Any]]:
        """All answers, once nothing waits any more."""

        def settled() -> bool:
            self.service.step()
            return not self.service.desk.waiting

        wait_for(settled, "the agent has answered", HANG_S)
        return [json.loads(post.payload) for post in self.link.published if _is_answer(post)]


def _is_answer(post: Post) -> bool:
    return post.topic.startswith(f"{PREFIX}/answer/")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.service.close()


def press(number: int = 1, verb: str = "start", **more: Any) -> Incoming:
    payload = json.dumps({"id": f"press-{number:04}"}).encode()
    return Incoming(f"{PREFIX}/cmd/{verb}", payload, expiry_s=10, **more)


# ---------------------------------------------------------------- broker


def test_what_is_told_first_is_that_the_room_is_there(world: World) -> None:
    link = world.connect()
    assert [post.topic for post in link.published] == [
        TOPICS.online,
        TOPICS.state,
        TOPICS.health,
        TOPICS.queue,
    ]
    world.service.close()
    assert link.closed_with == [Post(TOPICS.online, b"false", retain=True)]


def test_a_lost_broker_is_found_again_later_and_told_everything_anew(world: World) -> None:
    world.connect().lost = LinkLost("the cable is out")
    world.service.step()
    assert world.said[-1] == "the cable is out"
    assert world.link.closed_with == [None]
    assert world.service.step() > 0, "not at once"
    assert len(world.connect().published) == 4


def test_a_broker_that_refuses_is_named_once_however_often_it_does(world: World) -> None:
    world.lost = LinkLost("the broker refuses this room: Not authorized", hopeless=True)
    for _ in range(5):
        world.connect()
    assert world.said == ["the broker refuses this room: Not authorized"]


def test_connections_that_end_soon_again_and_again_are_taken_for_a_quarrel(world: World) -> None:
    for _ in range(FIGHT):
        world.connect().lost = LinkLost("the connection is lost")
        world.service.step()
    assert world.said[-1].endswith("does another computer go by the name ea-royal-b-204?")


def test_a_broker_that_acknowledges_nothing_is_sent_nothing_more(world: World) -> None:
    link = world.connect()
    link.free = 1
    before = len(link.published)
    for _ in range(100):
        world.clock.pass_time(60)
        world.service.step()
    assert len(link.published) == before


# ---------------------------------------------------------------- commands


def test_a_command_reaches_the_agent_and_its_answer_the_sender(world: World) -> None:
    world.connect()
    world.hear(press())
    [answer] = world.answers()
    assert (answer["id"], answer["ok"]) == ("press-0001", True)
    assert world.asked == [("start", "mqtt-press-0001")]


@pytest.mark.parametrize(
    ("agent", "code", "retryable"),
    [
        ({"error": {"code": "not-recording", "message": "x"}}, "not-recording", False),
        (NotRunning(), "agent-down", True),
        (NoAnswer(), "no-answer", True),
        (OSError("the disk is gone"), "disk", True),
    ],
)
def test_what_the_agent_cannot_do_is_answered_too(agent: Any, code: str, retryable: bool) -> None:
    def answer(verb: str) -> dict[str, Any]:
        if isinstance(agent, Exception):
            raise agent
        assert isinstance(agent, dict)
        return agent

    world = World(answer)
    world.connect()
    world.hear(press())
    [error] = [it["error"] for it in world.answers()]
    assert (error["code"], error["retryable"]) == (code, retryable)
    world.service.close()


def test_while_the_agent_hangs_further_commands_are_refused_and_the_loop_goes_on() -> None:
    hang = threading.Event()

    def answer(verb: str) -> dict[str, Any]:
        hang.wait(HANG_S)
        return {}

    world = World(answer)
    try:
        world.connect()
        [busy] = world.hear(*(press(number) for number in range(MOST_WAITING + 1)))
        assert (busy["error"]["code"], busy["id"]) == ("busy", f"press-{MOST_WAITING:04}")
    finally:
        hang.set()
    assert len([it for it in world.answers() if it["ok"]]) == MOST_WAITING
    world.service.close()


def test_what_lay_in_the_socket_while_the_process_stood_still_is_refused(world: World) -> None:
    """A computer that was asleep finds in its socket what was meant for another hour."""
    world.connect()
    world.awake_s += STALL_S + 1
    assert [it["error"]["code"] for it in world.hear(press(1))] == ["late"]
    assert [it["error"]["code"] for it in world.hear(press(2))] == ["late"], "there may be more"
    world.hear()
    world.hear(press(3))
    world.answers()
    assert [key for _, key in world.asked] == ["mqtt-press-0003"]


def test_a_flood_of_bad_messages_is_counted_and_answered_sparingly(world: World) -> None:
    world.connect()
    empty = Incoming(f"{PREFIX}/cmd/stop", b"")
    for number in range(1000):
        assert world.hear(empty) == [], "without an id that can be read there is nobody to answer"
        world.hear(press(number, "stop", retained=True))
    answered = [post for post in world.link.published if _is_answer(post)]
    assert len(answered) == MOST_REFUSALS
    assert world.service.refused == {"bad-json": 1000, "retained": 1000}
    told = [line for line in world.said if "refused" in line]
    assert len(told) == 8, "the first, the tenth, the hundredth, the thousandth of each"
