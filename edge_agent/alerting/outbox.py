"""The alerts that stand, and the letters that wait for their receivers: durable, bounded. Pure.

A letter waits for each webhook until that one has taken it, in order. What is full forgets its
oldest letters: a room that is unreachable for months must not fill its own disk.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from edge_agent.alerting.letters import Data, Letter
from edge_agent.alerting.letters import Lecture as Named
from edge_agent.rules.alerts import Cause

#: Letters that wait at most.
MOST_WAITING = 200
_MOST_TEXT = 300


class BadOutbox(Exception):
    """The file is damaged: why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert that people have been told of, and that has not ended. `data` as in its letter."""

    key: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter. `id` names it to its receivers, in all tries; `to`: the webhooks it waits for."""

    id: str
    body: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outbox:
    standing: tuple[Standing, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    #: Letters that were forgotten because there were too many.
    forgotten: int = 0

    def of(self, webhook: str) -> Waiting | None:
        """The next letter for it."""
        return next((it for it in self.waiting if webhook in it.to), None)


@dataclass(frozen=True, slots=True)
class Sender:
    """What all letters of a room, or of the desk that watches many, say."""

    room: str
    institution: str
    version: str
    #: Which alerts each webhook wants.
    wishes: Mapping[str, Collection[str]]
    by: Literal["room", "desk"] = "room"

    def receivers(self, alert: str) -> tuple[str, ...]:
        return tuple(name for name, alerts in self.wishes.items() if alert in alerts)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as letters say it."""

    utc: str
    clock: str


def raised(box: Outbox, by: Sender, cause: Cause, at: Moment, ids: tuple[str, str]) -> Outbox:
    """`ids`: of the alert, and of the letter."""
    data = Data(
        id=ids[0],
        alert=cause.alert,
        room=cause.room[:_MOST_TEXT] or by.room,
        place=cause.place[:_MOST_TEXT],
        by=by.by,
        institution=by.institution,
        text=cause.text[:_MOST_TEXT],
        raised_utc=at.utc,
        clock=at.clock,
        lecture=_named(cause),
        version=by.version,
    )
    standing = Standing(cause.key, data.model_dump(mode="json"))
    letter = Letter(type="alert.raised", timestamp=at.utc, data=data)
    return _with(replace(box, standing=(*box.standing, standing)), by, letter, ids[1])


def resolved(box: Outbox, by: Sender, key: str, at: Moment, letter_id: str) -> Outbox:
    """Whoever heard of it hears that it is over."""
    ended = next((it for it in box.standing if it.key == key), None)
    if ended is None:
        return box
    data = Data.model_validate({**ended.data, "resolved_utc": at.utc, "clock": at.clock})
    left = tuple(it for it in box.standing if it.key != key)
    letter = Letter(type="alert.resolved", timestamp=at.utc, data=data)
    return _with(replace(box, standing=left), by, letter, letter_id)


def test_letter(by: Sender, at: Moment, ids: tuple[str, str]) -> Waiting:
    """One that says of itself that it is a test."""
    about = "nothing is wrong in this room" if by.by == "room" else "it says nothing about any room"
    data = Data(
        id=ids[0],
        alert="device_offline",
        room=by.room,
        by=by.by,
        institution=by.institution,
        text=f"this is a test: {about}",
        raised_utc=at.utc,
        clock=at.clock,
        version=by.version,
    )
    return Waiting(ids[1], _body(Letter(type="alert.test", timestamp=at.utc, data=data)), ())


def taken(box: Outbox, letter: str, webhook: str) -> Outbox:
    """This webhook waits for it no longer."""
    kept = (
        replace(it, to=_without(it.to, webhook)) if it.id == letter else it for it in box.waiting
    )
    return replace(box, waiting=tuple(it for it in kept if it.to))


def known_to(box: Outbox, webhooks: Collection[str]) -> Outbox:
    """Without what waits for webhooks that are not there any more."""
    kept = (replace(it, to=tuple(name for name in it.to if name in webhooks)) for it in box.waiting)
    return replace(box, waiting=tuple(it for it in kept if it.to))


# ---------------------------------------------------------------- as a file


def written(box: Outbox) -> bytes:
    return (json.dumps({"v": 1, **asdict(box)}, indent=1) + "\n").encode()


def read(data: bytes) -> Outbox:
    """Raises BadOutbox."""
    try:
        found = json.loads(data)
        standing = tuple(Standing(it["key"], _checked(it["data"])) for it in found["standing"])
        waiting = tuple(_waiting(it) for it in found["waiting"])
        return Outbox(standing, waiting, int(found["forgotten"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadOutbox(f"the file of the alerts is damaged ({error})"[:_MOST_TEXT]) from None


def _checked(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return Data.model_validate(data).model_dump(mode="json")


def _waiting(it: Mapping[str, Any]) -> Waiting:
    Letter.model_validate_json(it["body"])
    return Waiting(str(it["id"]), str(it["body"]), tuple(map(str, it["to"])))


# ---------------------------------------------------------------- pieces


def _with(box: Outbox, by: Sender, letter: Letter, letter_id: str) -> Outbox:
    to = by.receivers(letter.data.alert)
    waiting = box.waiting + ((Waiting(letter_id, _body(letter), to),) if to else ())
    too_many = max(0, len(waiting) - MOST_WAITING)
    return replace(box, waiting=waiting[too_many:], forgotten=box.forgotten + too_many)


def _body(letter: Letter) -> str:
    return letter.model_dump_json(exclude_none=True)


def _named(cause: Cause) -> Named | None:
    if not (cause.lecture or cause.title or cause.started_utc):
        return None
    return Named(
        id=cause.lecture,
        title=cause.title[:_MOST_TEXT],
        course=cause.course[:_MOST_TEXT],
        lecturer=cause.lecturer[:_MOST_TEXT],
        started_utc=cause.started_utc,
    )


def _without(names: Iterable[str], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)
