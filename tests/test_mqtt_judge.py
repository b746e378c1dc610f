"""Laws of what counts as a command: fresh, first, in order, well-formed, allowed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.mqtt.judge import MOST_PAYLOAD, Incoming, Judge, Refused, Wanted
from edge_agent.mqtt.messages import COMMANDS
from edge_agent.mqtt.topics import NoName, Topics, level_of

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOPICS = Topics("royal", "b-204")
LECTURE = "0193a1b2-0000-7000-8000-000000000001"


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def command(verb: str = "start", expiry_s: int | None = 10, **payload: Any) -> Incoming:
    body = json.dumps({"id": "press-0001"} | payload).encode()
    return Incoming(f"ea/1/royal/b-204/cmd/{verb}", body, expiry_s=expiry_s)


def judge(it: Incoming, clock_ok: bool = True, turn: str = "t1", judge: Judge | None = None) -> Any:
    return (judge or Judge(TOPICS, COMMANDS)).judge(it, NOW, clock_ok, turn)


def code(it: Incoming, **more: Any) -> str:
    verdict = judge(it, **more)
    return verdict.fault.code if isinstance(verdict, Refused) else "wanted"


# ---------------------------------------------------------------- what is carried out


def test_a_command_goes_to_the_agent_under_its_own_id() -> None:
    wanted = judge(command(args={"title": "Heat"}))
    assert (wanted.verb, wanted.args, wanted.key) == ("start", {"title": "Heat"}, "mqtt-press-0001")
    assert wanted.reply.topic == "ea/1/royal/b-204/answer/press-0001"


def test_a_stop_can_be_taken_back_like_that_of_a_button() -> None:
    assert judge(command("stop")).args == {"undo": True}


def test_an_answer_goes_where_the_sender_asked_for_it_with_its_own_mark() -> None:
    asked = replace(
        command(), response_topic="ea/1/royal/b-204/answer/crestron", correlation=b"\x00\xff"
    )
    reply = judge(asked).reply
    assert (reply.topic, reply.correlation) == ("ea/1/royal/b-204/answer/crestron", b"\x00\xff")


@pytest.mark.parametrize(
    "topic",
    [
        "ea/1/royal/b-205/cmd/stop",
        "ea/1/royal/b-204/state",
        "ea/1/royal/b-204/answer/#",
        "ea/1/royal/b-204/answer/+/x",
        "ea/1/royal/b-204/answer/" + "x" * 300,
        "homeassistant/x",
    ],
)
def test_nobody_makes_a_room_write_elsewhere(topic: str) -> None:
    assert judge(replace(command(), response_topic=topic)).reply.topic.endswith("answer/press-0001")


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_has_a_form_that_is_accepted(verb: str) -> None:
    args = {"lecture": LECTURE} if verb == "continue" else {}
    assert code(command(verb, args=args)) == "wanted"


# ---------------------------------------------------------------- until when it counts


@pytest.mark.parametrize(
    ("it", "clock_ok", "verdict"),
    [
        (command(expiry_s=30), False, "wanted"),
        (command(expiry_s=31), True, "expiry-too-long"),
        (command(expiry_s=0), True, "expired"),
        (command(expiry_s=None), True, "no-expiry"),
        (command(expiry_s=None, at=at(-29)), True, "wanted"),
        (command(expiry_s=None, at=at(-30)), True, "expired"),
        (command(expiry_s=None, at=at(-7200)), True, "expired"),
        (command(expiry_s=None, at=at(20)), True, "wanted"),
        (command(expiry_s=None, at=at(40)), True, "from-the-future"),
        (command(expiry_s=None, at=at(0)), False, "clock-unsure"),
        # A recorded message that is played again has its old time, and a new expiry.
        (command(expiry_s=30, at=at(-7200)), True, "expired"),
        (command(expiry_s=30, at=at(-7200)), False, "wanted"),
        (replace(command(), retained=True), True, "retained"),
        (replace(command(), late=True), True, "late"),
    ],
)
def test_a_command_counts_for_half_a_minute_and_says_so_itself(
    it: Incoming, clock_ok: bool, verdict: str
) -> None:
    assert code(it, clock_ok=clock_ok) == verdict


@given(st.one_of(st.none(), st.integers(0, 10**9)), st.floats(-(10**6), 10**6), st.booleans())
def test_nothing_that_is_carried_out_counts_for_longer_than_half_a_minute(
    expiry_s: int | None, age_s: float, clock_ok: bool
) -> None:
    verdict = judge(command(expiry_s=expiry_s, at=at(-age_s)), clock_ok=clock_ok)
    if isinstance(verdict, Wanted):
        assert 0 < verdict.ttl_s <= 30
        assert expiry_s is None or verdict.ttl_s <= expiry_s
        assert not clock_ok or age_s + verdict.ttl_s <= 30.000001 or age_s < 0


# ---------------------------------------------------------------- in order


def test_of_one_senders_commands_an_older_one_never_follows_a_newer() -> None:
    one = Judge(TOPICS, COMMANDS)
    assert code(command("stop", id="press-0002", by="desk", at=at(-1)), judge=one) == "wanted"
    assert code(command("start", by="desk", at=at(-2)), judge=one) == "out-of-order"
    assert code(command("start", by="wall", at=at(-2)), judge=one) == "wanted"
    assert code(command("mark", by="desk", at=at(-2)), judge=one) == "wanted"


def test_the_memory_of_senders_is_bounded_and_forgets_the_oldest_first() -> None:
    one = Judge(TOPICS, COMMANDS)
    for number in range(1000):
        assert code(command("stop", by=f"sender {number}", at=at(0)), judge=one) == "wanted"
    assert code(command("stop", by="sender 999", at=at(-1)), judge=one) == "out-of-order"
    assert code(command("stop", by="sender 0", at=at(-1)), judge=one) == "wanted"


def test_a_command_for_a_room_that_has_turned_since_is_refused() -> None:
    assert code(command("stop", turn="t1")) == "wanted"
    assert code(command("stop", turn="t0")) == "stale"
    assert code(command("mute", turn="t0")) == "wanted"  # it means the same whenever it comes


# ---------------------------------------------------------------- what is no command


@pytest.mark.parametrize(
    ("it", "verdict"),
    [
        (command("purge"), "unknown-command"),
        (command(""), "unknown-command"),
        (replace(command(), topic="ea/1/royal/b-205/cmd/start"), "unknown-command"),
        (replace(command(), topic="ea/1/royal/b-204/cmd/start/now"), "unknown-command"),
        (replace(command(), payload=b""), "bad-json"),
        (replace(command(), payload=b"\xff\xfe"), "bad-json"),
        (replace(command(), payload=b"[" * 4000), "bad-json"),
        (replace(command(), payload=b"[]"), "bad-request"),
        (replace(command(), payload=b" " * (MOST_PAYLOAD + 1)), "too-large"),
        (command(v=2), "bad-request"),
        (command(id="../../x"), "bad-request"),
        (command(id=7), "bad-request"),
        (command(at=1_700_000_000), "bad-request"),
        (command(at="2026-11-23T10:00:00"), "bad-request"),  # of which zone?
        (command(colour="red"), "bad-request"),
        (command(args={"title": "x" * 301}), "bad-request"),
        (command(args={"title": ["x"]}), "bad-request"),
        (command("extend", args={"minutes": 0}), "bad-request"),
        (command("continue"), "bad-request"),
        (command("stop", args={"lecture": LECTURE}), "bad-request"),
    ],
)
def test_what_is_no_command_is_told_why(it: Incoming, verdict: str) -> None:
    assert code(it) == verdict


def test_what_the_room_does_not_take_is_refused_whatever_the_broker_allows() -> None:
    assert code(command("stop"), judge=Judge(TOPICS, {"mute"})) == "not-allowed"
    assert code(command("mute"), judge=Judge(TOPICS, {"mute"})) == "wanted"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    verdict = judge(command(args={"title": "a secret " * 50}))
    assert "secret" not in verdict.fault.model_dump_json()


def spoilt(chance: random.Random, good: Incoming) -> Incoming:
    """A good command in which one thing or several are wrong."""
    payload = good.payload
    for _ in range(chance.randint(1, 3)):
        payload = chance.choice(SPOILERS)(chance, payload)
    flags = chance.randrange(8)
    return Incoming(
        topic=good.topic if flags else good.topic + chance.choice(["/x", "\x00", "é", "s"]),
        payload=payload,
        retained=flags == 1,
        expiry_s=chance.choice([None, 0, 31, 2**32 - 1]) if flags == 2 else good.expiry_s,
        response_topic=chance.choice(["", "#", "a/b", "ea/1/royal/b-204/answer/x", "\udce9"]),
        correlation=chance.randbytes(chance.randrange(40)),
        late=flags == 3,
    )


def _flip(chance: random.Random, payload: bytes) -> bytes:
    place = chance.randrange(len(payload) + 1)
    return payload[:place] + chance.randbytes(1) + payload[place + 1 :]


SPOILERS: list[Callable[[random.Random, bytes], bytes]] = [
    _flip,
    lambda chance, it: it[: chance.randrange(len(it) + 1)],
    lambda chance, it: it * chance.choice([2, 100]),
    lambda chance, it: chance.randbytes(chance.randrange(200)),
    lambda chance, it: it.replace(b"press", b"press\xe2\x80\x8b"),
    lambda chance, it: it.replace(b'"at"', chance.choice([b'"At"', b'"v"', b'"id"'])),
    lambda chance, it: it.replace(b"{", b'{"args": ' + b'{"a":' * chance.randrange(500), 1),
    lambda chance, it: it.replace(b"2026", chance.choice([b"0001", b"9999", b"1e9", b"-5"])),
]


def test_of_a_thousand_bad_messages_each_gets_a_verdict_and_none_is_carried_out_twice() -> None:
    """Whatever is still a command after it was spoilt is one that the sender could have sent."""
    chance, one = random.Random(8), Judge(TOPICS, COMMANDS)
    refused = 0
    for number in range(1000):
        verb = chance.choice(list(COMMANDS))
        good = command(verb, id=f"press-{number:04}", at=at(-chance.randrange(20)), by="desk")
        verdict = one.judge(spoilt(chance, good), NOW, True, "t1")
        if isinstance(verdict, Refused):
            refused += 1
            assert verdict.fault.code
            assert verdict.fault.message
        else:
            assert verdict.verb in COMMANDS
            assert 0 < verdict.ttl_s <= 30
        if verdict.reply is not None:
            assert verdict.reply.topic.startswith("ea/1/royal/b-204/answer/")
    assert refused > 900


@given(
    st.text(),
    st.binary(max_size=300),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.text(max_size=300),
    st.binary(max_size=30),
)
def test_no_message_is_too_strange(
    verb: str, payload: bytes, retained: bool, expiry: int | None, response: str, mark: bytes
) -> None:
    topic = f"ea/1/royal/b-204/cmd/{verb}"
    verdict = judge(Incoming(topic, payload, retained, expiry, response, mark))
    assert isinstance(verdict, Refused), "random bytes are no command"


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Room B-204", "room-b-204"),
        ("Université de Genève", "universite-de-geneve"),
        ("  A+B/#  ", "a-b"),
        ("x" * 100, "x" * 63),
    ],
)
def test_a_name_becomes_a_level_of_a_topic(name: str, level: str) -> None:
    assert level_of(name) == level


@pytest.mark.parametrize("name", ["", "សាកលវិទ្យាល័យ", "+", "#"])
def test_a_name_without_such_letters_must_be_given_another(name: str) -> None:
    with pytest.raises(NoName):
        level_of(name)
