"""Throwing lectures away: what may go into the bin, what may leave this PC, and when. Pure.

Two laws: nothing that has not arrived everywhere goes without an explicit word, and what is in the
bin can be taken back until its time is over. The time is that of a synchronised clock, then and
now: a clock that was set wrong must not empty the bin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.rules import actions as do
from edge_agent.rules.actions import Action
from edge_agent.rules.lecture import ACTIVE, Event, State, events

if TYPE_CHECKING:
    from edge_agent.rules.plan import CommandFacts, Facts

_SURE = "synchronised"
_LIST = "edge-agent lectures list shows the state of each lecture"


@dataclass(frozen=True, slots=True)
class Kept:
    """A lecture that somebody wants to throw away, or back."""

    state: State
    binned: bool = False
    #: Files that some destination has not got.
    waiting: int = 0
    #: Small versions of it are still to come.
    unfinished: bool = False
    #: Its details or captions were changed, and its package does not have that yet.
    changed: bool = False

    @property
    def arrived(self) -> bool:
        whole = not (self.waiting or self.unfinished or self.changed)
        return self.state is State.DELIVERED and whole


def spent(deleted: datetime, trust_then: str, now: datetime, trust: str, days: int) -> bool:
    """Whether the time in the bin is over."""
    if trust != _SURE or trust_then != _SURE:
        return False
    return now - deleted >= timedelta(days=days)


def undated(trust_then: str, trust: str) -> bool:
    """It was deleted while the clock was not sure of the day: its time begins now that it is."""
    return trust == _SURE and trust_then != _SURE


def emptying(facts: Facts) -> Iterator[Action]:
    """Rows at once; files only while nothing is recorded, unless it is they that fill the disk."""
    yield from (do.DateDeleted(lecture) for lecture in facts.undated)
    yield from (do.Purge(None, lecture) for lecture in facts.spent)
    if facts.active is None or not facts.room_to_record:
        yield from (do.RemoveFiles(lecture) for lecture in facts.purged)


# -------------------------------------------------------------------- commands


def delete(facts: Facts, command: CommandFacts) -> Action:
    """Into the bin."""
    lecture, it = _named(facts, command)
    if it is None:
        return _unknown(command, lecture)
    if it.binned:
        hint = f"edge-agent lectures restore {lecture} takes it back"
        return _wrong(command, f"lecture {lecture} is in the bin already", hint)
    if it.state in ACTIVE:
        hint = "edge-agent record stop ends it; then delete it"
        return _wrong(command, f"lecture {lecture} is being recorded", hint)
    if Event.PURGE not in events(it.state):
        hint = "try again when it is packaged: edge-agent lectures show " + lecture
        return _wrong(command, f"lecture {lecture} is {it.state}", hint)
    if not it.arrived and command.args.get("undelivered") is not True:
        return do.Refuse(
            command.id,
            "undelivered",
            f"lecture {lecture} has not arrived everywhere ({_what_waits(it)})",
            f"if nobody is to have it: edge-agent lectures delete {lecture} --undelivered",
            5,
        )
    return do.Delete(command.id, lecture)


def restore(facts: Facts, command: CommandFacts) -> Action:
    """Out of the bin."""
    lecture, it = _named(facts, command)
    if it is None:
        return _unknown(command, lecture)
    if not it.binned:
        gone = " and its files are gone" if it.state is State.PURGED else ""
        return _wrong(command, f"lecture {lecture} is not in the bin{gone}", _LIST)
    return do.Restore(command.id, lecture)


def purge(facts: Facts, command: CommandFacts) -> Action:
    """Off this PC: what has arrived everywhere, or (said so) what lies in the bin."""
    lecture, it = _named(facts, command)
    if it is None:
        return _unknown(command, lecture)
    thrown_away = it.binned and command.args.get("bin") is True
    if thrown_away or (it.arrived and not it.binned):
        return do.Purge(command.id, lecture)
    if it.binned:
        hint = "edge-agent storage prune --bin empties the bin"
        return _wrong(command, f"lecture {lecture} is in the bin", hint)
    return do.Refuse(
        command.id,
        "undelivered",
        f"lecture {lecture} is {it.state}: only what has arrived everywhere leaves this PC",
        "see what waits with: edge-agent upload status",
        5,
    )


VERBS: dict[str, Callable[[Facts, CommandFacts], Action]] = {
    "delete": delete,
    "restore": restore,
    "purge": purge,
}


def _named(facts: Facts, command: CommandFacts) -> tuple[str, Kept | None]:
    lecture = str(command.args.get("lecture", ""))
    return lecture, facts.kept.get(lecture)


def _what_waits(it: Kept) -> str:
    if it.state is State.FAILED:
        return "its package could not be made"
    if it.state is State.HELD:
        return "it is kept here"
    if it.waiting:
        return f"{it.waiting} files wait"
    if it.changed:
        return "its last changes are still to be sent"
    return "its small versions are still to be made" if it.unfinished else "it has no destination"


def _unknown(command: CommandFacts, lecture: str) -> Action:
    what = f"there is no lecture {lecture or '(none given)'}"
    return do.Refuse(command.id, "no-such-lecture", what, _LIST, 4)


def _wrong(command: CommandFacts, what: str, hint: str) -> Action:
    return do.Refuse(command.id, "wrong-state", what, hint, 5)
