"""Which file goes next, and which have to wait. Remembers only what a restart may forget."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Protocol, TypeAlias

from edge_agent.clock import Clock
from edge_agent.ledger import Ledger
from edge_agent.rows import OutboxRow
from edge_agent.rules.package import FULL_QUALITY
from edge_agent.rules.renditions import waited_ns
from uploader.pacing import Pace
from uploader.sender import Transient

#: While a file is on its way, one that is worth more is looked for this often.
LOOK_S = 10.0
_NS = 1_000_000_000

Key: TypeAlias = tuple[str, str, str, str]


class Leave(Protocol):
    """Who says what may go at this moment."""

    def open_for(self, row: OutboxRow) -> bool: ...

    def breaks_off(self, row: OutboxRow) -> bool:
        """It is on its way and has to stop."""
        ...

    def asked(self, lecture: str) -> bool:
        """People want this lecture before all others, and now."""
        ...


class Always:
    """Everything, at any time."""

    def open_for(self, _row: OutboxRow) -> bool:
        return True

    def breaks_off(self, _row: OutboxRow) -> bool:
        return False

    def asked(self, _lecture: str) -> bool:
        return False


ALWAYS = Always()


class Queue:
    """The outbox in order of value, with the patience that each destination and file needs."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        leave: Leave,
        *,
        patience_s: float = 0.0,
        chance: Callable[[], float] = random.random,
        whole: Collection[str] = (),
    ) -> None:
        """`patience_s`: how long the full quality waits for the small versions.

        `whole`: destinations at which a file that is broken off begins anew.
        """
        self._ledger = ledger
        self._clock = clock
        self._leave = leave
        self._patience_ns = round(patience_s * _NS)
        self._chance = chance
        self._whole = whole
        self._paces: dict[str, Pace] = {}
        self._pending: dict[Key, Pace] = {}
        self._refused: set[Key] = set()
        self._look_s = 0.0
        #: Something may go, and only its destination is not ready.
        self.held_up: OutboxRow | None = None

    def next(self) -> OutboxRow | None:
        """The first in order of value that may go, is not refused and is due."""
        now, self.held_up = self._seconds(), None
        for row in self.waiting():
            if not self._leave.open_for(row):
                continue
            paces = self._paces.get(row.destination), self._pending.get(_key(row))
            if all(pace is None or pace.wait_s(now) == 0 for pace in paces):
                return row
            self.held_up = self.held_up or row
        return None

    def waiting(self) -> list[OutboxRow]:
        """What is to be sent, in its order: what people ask for first, then by value."""
        held = self._held()
        rows = [
            row
            for row in self._ledger.waiting()
            if _key(row) not in self._refused
            and not (row.priority >= FULL_QUALITY and row.lecture in held)
        ]
        return sorted(rows, key=lambda row: not self._leave.asked(row.lecture))

    def overtaken(self, row: OutboxRow) -> bool:
        """Whether something that is worth more could go. Looks only now and then.

        What would have to begin anew is let through: two that overtake each other never end.
        """
        now = self._seconds()
        if now < self._look_s or row.destination in self._whole:
            return False
        self._look_s = now + LOOK_S
        first = self.next()
        return first is not None and self._rank(first) < self._rank(row)

    def forget(self, lecture: str) -> None:
        """Try again at once what was refused or is waited for; "": of all lectures."""
        self._refused = {key for key in self._refused if lecture not in ("", key[0])}
        self._pending = {
            key: pace for key, pace in self._pending.items() if lecture not in ("", key[0])
        }
        self._paces = {}
        self._look_s = 0.0

    def heard(self, destination: str) -> None:
        """Something has changed there: ask again at once."""
        self._paces.pop(destination, None)
        self._pending = {key: pace for key, pace in self._pending.items() if key[1] != destination}

    def refused(self, row: OutboxRow) -> None:
        """For good: it is not tried again before a restart, or until people say so."""
        self._refused.add(_key(row))

    def pending(self, row: OutboxRow) -> None:
        """All bytes are there, the proof is not: only this file waits."""
        pace = self._pending.get(_key(row), Pace())
        self._pending[_key(row)] = pace.after_failure(self._seconds(), self._chance())
        self._paces.pop(row.destination, None)

    def failed(self, row: OutboxRow, error: Transient) -> None:
        """The destination waits."""
        pace = Pace() if error.progressed else self._paces.get(row.destination, Pace())
        self._paces[row.destination] = pace.after_failure(
            self._seconds(), self._chance(), error.retry_after_s
        )

    def delivered(self, row: OutboxRow) -> None:
        """Where files cannot be had in parts, neither can lectures: one proves the others."""
        self._paces.pop(row.destination, None)
        mine = (row.lecture, row.destination)
        if row.destination in self._whole:
            self._pending = {key: pace for key, pace in self._pending.items() if key[:2] != mine}
        self._pending.pop(_key(row), None)

    def _rank(self, row: OutboxRow) -> tuple[bool, int]:
        return not self._leave.asked(row.lecture), row.priority

    def _held(self) -> frozenset[str]:
        """The lectures whose full quality still waits for their small versions."""
        now = self._clock.now()
        waited = {
            lecture.id: waited_ns(lecture.packaged_boot, lecture.packaged_ns, now.boot, now.mono_ns)
            for lecture in self._ledger.wanting_renditions()
            if not self._leave.asked(lecture.id)
        }
        return frozenset(each for each, ns in waited.items() if ns < self._patience_ns)

    def _seconds(self) -> float:
        return self._clock.mono_ns() / _NS


def _key(row: OutboxRow) -> Key:
    return (row.lecture, row.destination, row.name, row.sha256)
