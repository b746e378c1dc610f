"""A computer that runs on its battery is told of once, and so is the end of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.power_watch import ADVICE, EVERY_NS, ON_BATTERY, STALE_NS, PowerWatch

#: A look in a thread takes no time to speak of; on a busy PC the thread may have to wait.
PATIENCE_S = 30.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


class Computer:
    """Its clock, and a battery that somebody asks."""

    def __init__(self, ledger: Ledger) -> None:
        self.unplugged = False
        self.hangs = threading.Event()
        self.hangs.set()
        self.looks = 0
        self.ns = EVERY_NS
        self.watch = PowerWatch(ledger, self._look)

    def _look(self) -> bool:
        self.hangs.wait()
        self.looks += 1
        return self.unplugged

    def pass_time(self, ns: int = EVERY_NS) -> None:
        """Until another look has ended."""
        self.ns += ns
        before, deadline = self.looks, time.monotonic() + PATIENCE_S
        self.step()
        while self.hangs.is_set() and self.looks == before and time.monotonic() < deadline:
            time.sleep(0.001)
        while self.hangs.is_set() and not self.settled() and time.monotonic() < deadline:
            time.sleep(0.001)

    def step(self) -> None:
        self.watch.step(Now(self.ns, datetime.now(UTC), "boot", "synchronised"))

    def settled(self) -> bool:
        self.step()
        return self.watch.on_battery == self.unplugged


@pytest.fixture
def computer(ledger: Ledger) -> Iterator[Computer]:
    made = Computer(ledger)
    yield made
    made.hangs.set()
    made.watch.close()


def told(ledger: Ledger) -> list[tuple[str, str]]:
    return [(event.kind, event.text) for event in reversed(ledger.last_events(20))]


def test_beginning_and_end_are_told_once_each(computer: Computer, ledger: Ledger) -> None:
    for unplugged in (False, True, True, False, False):
        computer.unplugged = unplugged
        computer.pass_time()
        assert computer.watch.on_battery == unplugged
    assert told(ledger) == [(ON_BATTERY, ADVICE), ("over", ON_BATTERY)]


def test_a_battery_that_does_not_answer_holds_nobody_up(computer: Computer, ledger: Ledger) -> None:
    computer.unplugged = True
    computer.pass_time()
    computer.hangs.clear()
    computer.pass_time()
    assert computer.watch.on_battery
    computer.pass_time(STALE_NS)
    assert not computer.watch.on_battery, "nobody knows"
    assert len(told(ledger)) == 2


def test_where_nobody_can_tell_there_is_no_battery(ledger: Ledger) -> None:
    watch = PowerWatch(ledger, None)
    watch.step(Now(EVERY_NS, datetime.now(UTC), "boot", "synchronised"))
    watch.close()
    assert not watch.on_battery
    assert told(ledger) == []
