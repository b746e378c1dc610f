"""Which messages are commands: fresh, first, in order, well-formed, allowed. Pure.

A start that was sent to a dead room must not fire when the room comes back (invariant I6). So a
command says until when it counts, by an expiry of the message or by the time at which it was given;
and a message that a broker has kept is none. Whatever arrives, a verdict comes of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from edge_agent.mqtt.messages import COMMANDS, TURN_SENSITIVE, Command, Fault
from edge_agent.mqtt.topics import Topics

#: Nobody waits longer for what a button does.
MOST_EXPIRY_S = 30
#: Two clocks that are both right may differ by so much.
SKEW = timedelta(seconds=2)
MOST_PAYLOAD = 4096
#: Senders whose last command is remembered.
MOST_SENDERS = 200


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as the broker delivers it."""

    topic: str
    payload: bytes
    retained: bool = False
    #: What is left of its expiry, in seconds; None: it has none.
    expiry_s: int | None = None
    response_topic: str = ""
    correlation: bytes = b""
    #: It may have lain in our own socket for long: this process stood still before.
    late: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Where an answer goes."""

    topic: str
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command for the agent."""

    verb: str
    args: dict[str, Any]
    id: str
    #: How much longer it counts.
    ttl_s: float
    reply: Reply

    @property
    def key(self) -> str:
        """Its name in the agent's inbox, in which each key is carried out once."""
        return f"mqtt-{self.id}"


@dataclass(frozen=True, slots=True)
class Refused:
    fault: Fault
    id: str = ""
    #: None: nobody has said where the answer should go.
    reply: Reply | None = None


class _No(Exception):
    def __init__(self, code: str, message: str, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.fault = Fault(code=code, message=message, hint=hint, retryable=retryable)


class Judge:
    """Remembers what each sender gave last; used by one thread."""

    def __init__(self, topics: Topics, allowed: Collection[str]) -> None:
        self._topics = topics
        self._allowed = frozenset(allowed)
        self._last: OrderedDict[str, datetime] = OrderedDict()

    def judge(
        self, it: Incoming, now: datetime, clock_ok: bool, turn: str = ""
    ) -> Wanted | Refused:
        """`clock_ok`: our own clock is synchronised, so that times can be compared at all."""
        command: Command | None = None
        try:
            verb = self._verb(it)
            command = _parsed(it)
            args = _arguments(verb, command)
            ttl_s = _remaining(it, command, now, clock_ok)
            self._in_turn(verb, command, turn)
        except _No as no:
            number = command.id if command else _id_of(it)
            return Refused(no.fault, number, self._reply(it, number))
        reply = self._reply(it, command.id)
        assert reply is not None  # it has an id
        return Wanted(verb, args, command.id, ttl_s, reply)

    def _verb(self, it: Incoming) -> str:
        verb = self._topics.verb(it.topic)
        if verb not in COMMANDS:
            known = ", ".join(COMMANDS)
            raise _No("unknown-command", "there is no such command", f"one of {known}")
        if it.retained:
            raise _No(
                "retained",
                "a retained message is no command: it would fire again at each connection",
                "publish it without retain, and delete the retained one with an empty payload",
            )
        if it.late:
            raise _No("late", "the room could not read it in time", "give it again", retryable=True)
        if verb not in self._allowed:
            raise _No("not-allowed", "this room does not take this command over MQTT", "see [mqtt]")
        return verb

    def _in_turn(self, verb: str, command: Command, turn: str) -> None:
        if verb not in TURN_SENSITIVE:
            return
        if command.turn is not None and command.turn != turn:
            raise _No(
                "stale", "the room has changed since this was given", "look at its state again"
            )
        if not command.by or command.at is None:
            return
        last = self._last.get(command.by)
        if last is not None and command.at < last:
            raise _No("out-of-order", "a later command of this sender has come before it")
        self._last[command.by] = command.at
        self._last.move_to_end(command.by)
        while len(self._last) > MOST_SENDERS:
            self._last.popitem(last=False)

    def _reply(self, it: Incoming, number: str) -> Reply | None:
        if it.response_topic:
            wanted = self._topics.may_answer(it.response_topic)
            return Reply(it.response_topic, it.correlation) if wanted else self._default(number)
        return self._default(number)

    def _default(self, number: str) -> Reply | None:
        return Reply(self._topics.answer(number)) if number else None


def _parsed(it: Incoming) -> Command:
    if len(it.payload) > MOST_PAYLOAD:
        raise _No("too-large", f"a command has at most {MOST_PAYLOAD} bytes")
    try:
        return Command.model_validate_json(it.payload, strict=True)
    except ValidationError as error:
        raise _bad(error) from None


def _id_of(it: Incoming) -> str:
    """Of what was refused for another reason, so that its sender can be answered."""
    try:
        return _parsed(it).id
    except _No:
        return ""


def _arguments(verb: str, command: Command) -> dict[str, Any]:
    try:
        found = COMMANDS[verb].model_validate(command.args)
    except ValidationError as error:
        raise _bad(error) from None
    given = found.model_dump(mode="json", exclude_none=True)
    return given | {"undo": True} if verb == "stop" else given


def _bad(error: ValidationError) -> _No:
    """The first thing that is wrong, without what was sent: it may be long."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"][:4]) or "payload"
    code = "bad-json" if first["type"] == "json_invalid" else "bad-request"
    return _No(code, f"{where}: {first['msg'][:200]}", "see docs/control-systems.md")


def _remaining(it: Incoming, command: Command, now: datetime, clock_ok: bool) -> float:
    """How many seconds it counts from now on. Raises _No when it does not, or cannot be known."""
    if it.expiry_s is None and command.at is None:
        raise _No(
            "no-expiry",
            "it does not say until when it counts",
            f"set a message expiry of at most {MOST_EXPIRY_S} s, or give the time in 'at'",
        )
    if it.expiry_s is not None and it.expiry_s > MOST_EXPIRY_S:
        raise _No(
            "expiry-too-long",
            f"a command counts for at most {MOST_EXPIRY_S} s",
            "set a shorter message expiry",
        )
    left = float(MOST_EXPIRY_S if it.expiry_s is None else it.expiry_s)
    if command.at is not None and clock_ok:
        age = now - command.at
        if age < -SKEW - timedelta(seconds=MOST_EXPIRY_S):
            raise _No("from-the-future", "it was given in the future", "set the sender's clock")
        if age >= timedelta(seconds=MOST_EXPIRY_S):
            raise _No("expired", "it came too late and was not run", "give it again")
        left = min(left, MOST_EXPIRY_S - max(0.0, age.total_seconds()))
    elif it.expiry_s is None:
        raise _No(
            "clock-unsure",
            "this room's clock is not synchronised, so it cannot tell how old the command is",
            "set a message expiry (MQTT 5)",
        )
    if left <= 0:
        raise _No("expired", "it came too late and was not run", "give it again")
    return left
