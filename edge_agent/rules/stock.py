"""What the disk is used for, and which lectures may leave it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from edge_agent.rules.lecture import UNPACKAGED, State

Use = Literal["under way", "failed", "waiting", "arrived", "bin"]
_ARRIVED = (State.DELIVERED, State.PURGED)
USES: tuple[Use, ...] = ("under way", "failed", "waiting", "arrived", "bin")


@dataclass(frozen=True, slots=True)
class Held:
    """A lecture, and what lies of it on the disk."""

    lecture: str
    state: State
    ended_utc: str | None
    bytes: int
    binned: bool = False
    #: Some destination has not got all of it, or something of it is still to be made.
    waiting: bool = False
    title: str = ""


def use_of(it: Held) -> Use:
    if it.binned:
        return "bin"
    if it.state is State.FAILED:
        return "failed"
    if it.state in UNPACKAGED:
        return "under way"
    return "arrived" if it.state in _ARRIVED and not it.waiting else "waiting"


def prunable(held: Iterable[Held], now: datetime, older: timedelta, *, bin_too: bool) -> list[Held]:
    """Arrived everywhere and old enough; with `bin_too` also all that people have thrown away.

    A lecture of which nobody knows when it ended is not old.
    """
    return [
        it
        for it in held
        if it.bytes and (_old(it, now, older) if use_of(it) == "arrived" else bin_too and it.binned)
    ]


def _old(it: Held, now: datetime, older: timedelta) -> bool:
    if it.state is not State.DELIVERED or it.ended_utc is None:
        return False
    return now - datetime.fromisoformat(it.ended_utc) >= older


def freed(chosen: Iterable[Held]) -> int:
    return sum(it.bytes for it in chosen)
