"""A room on a real mosquitto: TLS, passwords, certificates, ACL, retained state, commands."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_agent.clock import SystemClock
from edge_agent.commands.mqtt import broker_of, topics_of
from edge_agent.commands.mqtt_room import looking
from edge_agent.config import Config
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.desk import Desk
from edge_agent.mqtt.judge import Judge
from edge_agent.mqtt.link import Link
from edge_agent.mqtt.patience import Patience
from edge_agent.mqtt.service import Service, run
from edge_agent.mqtt.topics import Topics
from edge_agent.mqtt.view import View
from tests.hardware_fixtures import wait_for
from tests.panel.served import LECTURE, HandMade
from tests.servers.mosquitto import Mosquitto

TOPICS = Topics("royal", "b-204")
OTHER = Topics("royal", "b-205")
PREFIX = TOPICS.prefix
USERS = {"room": "r00m-secret", "other": "0ther-secret", "desk": "desk-secret", "eye": "eye-secret"}
#: For what takes a moment on an idle PC.
HANG_S = 60.0


class Soon(Patience):
    """A room that does not wait before it connects again."""

    def first(self) -> float:
        return 0.0

    def next(self, lasted_s: float, hopeless: bool = False) -> float:
        return 0.2


class Served:
    """A room that a test writes by hand, on the broker."""

    def __init__(self, room: HandMade, broker: Mosquitto, **mqtt: Any) -> None:
        self.room, self.told = room, []
        settings = Config.model_validate(
            {
                "room": {"name": "B-204", "institution": "Royal"},
                "storage": {"spool": room.spool.root, "runtime": room.runtime.root},
                "mqtt": {
                    "url": f"mqtts://localhost:{broker.port}",
                    "username": "room",
                    "ca_file": broker.ca,
                    **mqtt,
                },
            }
        )
        assert topics_of(settings) == TOPICS
        clock, password = SystemClock(), USERS.get(settings.mqtt.username)
        look, self._look_no_more = looking(settings, room.spool, room.runtime, clock)
        self.told: list[str] = []
        self.service = Service(
            make_link=lambda: Link(broker_of(settings), TOPICS, lambda: password, self.told.append),
            view=View(TOPICS),
            judge=Judge(TOPICS, settings.mqtt.commands),
            desk=Desk(lambda verb, args, key, ttl_s: room.ask(verb, args, key)),
            sight=lambda now_ns: look(),
            patience=Soon(random.Random(0)),
            clock=clock,
            tell=self.told.append,
            keep_cursor=lambda number: None,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        run(self.service, self._stop, lambda: None)
        self._look_no_more()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(HANG_S)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    rooms = [Account(TOPICS, "room"), Account(OTHER, "other"), Account(TOPICS, "by-key")]
    written = acl(rooms, controllers=["desk"], watchers=["eye"])
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), USERS, written)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path, broker: Mosquitto) -> Iterator[Serve]:
    with ExitStack() as stack:
        room = HandMade(tmp_path)
        stack.callback(room.ledger.close)
        stack.enter_context(room.alive())

        def make(**mqtt: Any) -> Served:
            served = Served(room, broker, **mqtt)
            stack.callback(served.close)
            return served

        yield make


def until_online(broker: Mosquitto, online: bool = True) -> None:
    def is_so() -> bool:
        return broker.retained("eye", TOPICS.online) is online

    wait_for(is_so, f"online is {online}", HANG_S)


def payload(number: str, **more: Any) -> str:
    return json.dumps({"id": number} | more)


def request(broker: Mosquitto, verb: str, said: str, *more: str) -> dict[str, Any]:
    """Ask as mosquitto_rr does: a response topic, and an expiry of ten seconds."""
    done = broker.run(
        "rr",
        "desk",
        *("-t", f"{PREFIX}/cmd/{verb}", "-e", f"{PREFIX}/answer/desk", "-m", said, "-W", "30"),
        *("-D", "publish", "message-expiry-interval", "10", *more),
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


# ---------------------------------------------------------------- what is seen


def test_whoever_comes_later_sees_the_room_as_it_is(serve: Serve, broker: Mosquitto) -> None:
    served = serve()
    until_online(broker)
    state = broker.retained("eye", TOPICS.state)
    assert (state["word"], state["room"], len(state["tracks"])) == ("ready", "B-204", 2)
    assert broker.retained("eye", TOPICS.health)["agent"] is True
    served.room.say(muted=True)
    wait_for(lambda: broker.retained("eye", TOPICS.state)["muted"], "the mute is told", HANG_S)


def test_a_room_that_goes_says_so_and_one_that_dies_has_it_said_for_it(
    serve: Serve, broker: Mosquitto
) -> None:
    served = serve()
    until_online(broker)
    served.close()
    assert broker.retained("eye", TOPICS.online) is False


def test_after_a_broker_has_died_the_room_is_back_with_all_that_it_is(
    serve: Serve, broker: Mosquitto
) -> None:
    serve()
    until_online(broker)
    broker.kill()
    time.sleep(0.5)  # it tries in vain meanwhile
    broker.start()
    until_online(broker)
    assert broker.retained("eye", TOPICS.state)["word"] == "ready"


# ---------------------------------------------------------------- commands


def test_a_command_is_carried_out_once_and_answered_where_it_was_asked(
    serve: Serve, broker: Mosquitto
) -> None:
    served = serve()
    until_online(broker)
    answer = request(broker, "start", payload("press-0001", args={"title": "Heat"}))
    assert (answer["ok"], answer["id"], answer["lecture"]) == (True, "press-0001", LECTURE)
    assert served.room.asked == [("start", {"title": "Heat"}, "mqtt-press-0001")]


def test_a_sender_of_the_older_protocol_gives_the_time_and_finds_its_answer_under_its_id(
    serve: Serve, broker: Mosquitto
) -> None:
    served = serve()
    until_online(broker)
    topic = f"{PREFIX}/answer/press-0003"
    command = broker.tool("sub", "desk", "-t", topic, "-C", "1", "-W", "60", "-d")
    # Its output would wait in a buffer otherwise.
    listening = subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE, text=True)
    assert listening.stdout is not None
    while "SUBACK" not in listening.stdout.readline():
        assert listening.poll() is None
    said = payload("press-0003", at=datetime.now(UTC).isoformat())
    sent = broker.tool("pub", "desk", "-t", f"{PREFIX}/cmd/pause", "-m", said)
    sent[sent.index("mqttv5")] = "mqttv311"
    subprocess.run(sent, check=True, timeout=HANG_S)
    lines = listening.communicate(timeout=HANG_S)[0].splitlines()
    answers = [json.loads(line) for line in lines if line.startswith("{")]
    clock_ok = SystemClock().now().trust == "synchronised"
    assert [answer["ok"] for answer in answers] == [clock_ok]
    assert len(served.room.asked) == clock_ok


def test_a_retained_command_does_nothing_now_and_nothing_at_the_next_connection(
    serve: Serve, broker: Mosquitto
) -> None:
    topic = f"{PREFIX}/cmd/start"
    before = payload("press-0004")
    broker.run("pub", "desk", "-t", topic, "-m", before, "-r")
    try:
        served = serve()
        until_online(broker)
        broker.run("pub", "desk", "-t", topic, "-m", payload("press-0005"), "-r")
        assert request(broker, "mute", payload("press-0006"))["ok"]
        assert [verb for verb, _, _ in served.room.asked] == ["mute"]
        assert set(served.service.refused) == {"retained"}
    finally:
        broker.run("pub", "desk", "-t", topic, "-n", "-r")


def test_a_command_to_a_room_that_is_away_is_not_carried_out_when_it_is_back(
    serve: Serve, broker: Mosquitto
) -> None:
    """The broker keeps it for the session; what has no expiry is refused, the rest has expired."""
    served = serve()
    until_online(broker)
    served.close()
    topic = ("-t", f"{PREFIX}/cmd/start")
    broker.run("pub", "desk", *topic, "-m", payload("press-0007"))
    short = ("-D", "publish", "message-expiry-interval", "1")
    broker.run("pub", "desk", *topic, "-m", payload("press-0008"), *short)
    time.sleep(2.5)  # of mosquitto's clock, which counts whole seconds
    served = serve()
    until_online(broker)
    assert request(broker, "mute", payload("press-0009"))["ok"]
    assert [verb for verb, _, _ in served.room.asked] == ["mute"]
    assert served.service.refused["no-expiry"] == 1


def test_bad_messages_in_a_row_leave_the_room_as_it_was(serve: Serve, broker: Mosquitto) -> None:
    served = serve()
    until_online(broker)
    lines = "\n".join(["{", "[]", "x" * 4090, '{"id": 1}', '{"v": 9}'] * 100)
    topic = f"{PREFIX}/cmd/stop"
    done = subprocess.run(
        broker.tool("pub", "desk", "-t", topic, "-l"), input=lines, text=True, timeout=HANG_S
    )
    assert done.returncode == 0
    broker.run("pub", "desk", "-t", topic, "-m", "x" * 20_000)  # the broker keeps it from us
    assert request(broker, "mute", payload("press-0010"))["ok"]
    # What the test before has left retained may come too.
    assert served.service.refused.total() - served.service.refused["retained"] == 500
    assert [verb for verb, _, _ in served.room.asked] == ["mute"]
    assert len([line for line in served.told if "refused" in line]) < 10, "the log is not flooded"


# ---------------------------------------------------------------- who may do what


def allowed(broker: Mosquitto, user: str, topic: str) -> bool:
    done = broker.run("pub", user, "-t", topic, "-m", "{}", "-d")
    return "Not authorized" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("user", "topic", "may"),
    [
        ("room", f"{PREFIX}/event/1", True),
        ("room", f"{PREFIX}/answer/desk", True),
        ("room", f"{PREFIX}/cmd/start", False),
        ("room", f"{OTHER.prefix}/answer/x", False),
        ("other", f"{PREFIX}/answer/x", False),
        ("other", f"{PREFIX}/cmd/start", False),
        ("desk", f"{PREFIX}/cmd/start", True),
        ("desk", f"{PREFIX}/answer/x", False),
        ("eye", f"{PREFIX}/cmd/start", False),
    ],
)
def test_the_acl_lets_each_write_its_own_and_no_more(
    broker: Mosquitto, user: str, topic: str, may: bool
) -> None:
    assert allowed(broker, user, topic) is may


@pytest.mark.parametrize(("user", "sees"), [("eye", True), ("desk", True), ("other", False)])
def test_the_acl_shows_a_room_to_those_who_watch_it(
    serve: Serve, broker: Mosquitto, user: str, sees: bool
) -> None:
    serve()
    until_online(broker)
    done = broker.run("sub", user, "-t", TOPICS.state, "-C", "1", "-W", "3" if not sees else "30")
    assert bool(done.stdout) is sees


def test_a_wrong_password_is_told_and_tried_again_later(serve: Serve, broker: Mosquitto) -> None:
    served = serve(username="eye2")
    wait_for(lambda: served.told, "the refusal is told", HANG_S)
    assert served.told[0] == "the broker refuses this room: Not authorized"


def test_a_broker_whose_certificate_nobody_vouches_for_gets_no_password(
    serve: Serve, broker: Mosquitto
) -> None:
    served = serve(ca_file=None)
    wait_for(lambda: served.told, "the refusal is told", HANG_S)
    assert "certificate is not trusted" in served.told[0]


def test_a_room_without_a_place_in_the_acl_is_told_so(serve: Serve, broker: Mosquitto) -> None:
    served = serve(username="other")
    wait_for(lambda: any("see its ACL" in line for line in served.told), "it is told", HANG_S)


def test_two_rooms_of_one_name_are_told_so(serve: Serve, broker: Mosquitto) -> None:
    one, other = serve(), serve()
    words = "another computer go by the name ea-royal-b-204?"

    def are_told() -> bool:
        return any(words in line for line in one.told + other.told)

    wait_for(are_told, "they are told", HANG_S)


def test_a_room_may_show_a_certificate_instead_of_a_password(
    serve: Serve, tmp_path: Path, broker: Mosquitto
) -> None:
    broker.kill()
    broker.by_certificates()
    broker.start()
    try:
        served = serve(
            username="", certificate=broker.root / "room.pem", key=broker.root / "room.key"
        )
        wait_for(lambda: served.told, "it is in", HANG_S)
        assert served.told == ["connected to the broker"]
    finally:
        broker.kill()
        broker.configure()
        broker.start()
