"""The data used: by local day and month, over kills, on the safe side without a clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from edge_agent.ledger import Ledger
from edge_agent.migrations import ledger as migrations
from edge_agent.upload_traffic import FLUSH_S, KEPT_DAYS, Meter
from tests.fixed_clock import FixedClock

pytestmark = pytest.mark.usefixtures("phnom_penh")
PLATFORM = frozenset({"platform"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.create(tmp_path / "ledger.db")
    yield made
    made.close()


def test_what_is_sent_counts_for_the_day_and_the_month_of_the_room(ledger: Ledger) -> None:
    clock = FixedClock(utc=datetime(2026, 11, 30, 16, 59, tzinfo=UTC))  # a minute to December
    meter = Meter(ledger, clock, PLATFORM)
    meter.add("platform", 100)
    assert meter.used() == (100, 100)
    clock.pass_time(60)
    assert meter.used() == (0, 0)
    meter.add("platform", 7)
    clock.pass_time(24 * 3600)
    meter.add("platform", 1)
    assert meter.used() == (1, 8)


def test_a_folder_uses_no_data(ledger: Ledger) -> None:
    meter = Meter(ledger, FixedClock(), PLATFORM)
    meter.add("stick", 100)
    meter.flush()
    assert meter.used() == (0, 0)


def test_a_restart_forgets_nothing_that_is_older_than_some_seconds(ledger: Ledger) -> None:
    clock = FixedClock()
    meter = Meter(ledger, clock, PLATFORM)
    for _ in range(20):
        meter.add("platform", 10, 1.0)
        clock.pass_time(1)
    (day, month) = Meter(ledger, clock, PLATFORM).used()
    assert 200 - 10 * FLUSH_S <= day <= 200
    assert month == day
    meter.flush()
    assert Meter(ledger, clock, PLATFORM).used() == (200, 200)


def test_without_a_clock_it_is_still_the_last_day_that_anybody_knows(ledger: Ledger) -> None:
    clock = FixedClock()
    before = Meter(ledger, clock, PLATFORM)
    before.add("platform", 100)
    before.flush()
    clock.reboot(-(10**9))
    clock.trust = "unset"
    meter = Meter(ledger, clock, PLATFORM)
    meter.add("platform", 5)
    assert meter.used() == (105, 105)
    meter.flush()
    assert Meter(ledger, clock, PLATFORM).used() == (105, 105)


def test_what_was_sent_before_the_clock_was_set_counts_for_the_day_on_which_it_is(
    ledger: Ledger,
) -> None:
    clock = FixedClock(trust="unset")
    meter = Meter(ledger, clock, PLATFORM)
    meter.add("platform", 5)
    clock.trust = "synchronised"
    clock.pass_time(5 * 24 * 3600)
    assert meter.used() == (5, 5)
    clock.pass_time(24 * 3600)
    assert meter.used()[0] == 0


def test_what_is_older_than_any_month_is_dropped(ledger: Ledger) -> None:
    clock = FixedClock()
    meter = Meter(ledger, clock, PLATFORM)
    for _ in range(KEPT_DAYS + 30):
        meter.add("platform", 1)
        clock.pass_time(24 * 3600)
    meter.used()
    assert len(ledger.traffic("")) <= KEPT_DAYS + 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 7200)), max_size=30))
def test_no_byte_is_counted_twice_or_lost_over_hours_and_restarts(
    sent: list[tuple[int, int]],
) -> None:
    clock = FixedClock(utc=datetime(2026, 11, 1, tzinfo=UTC))
    ledger = _in_memory()
    total = 0
    for count, pause in sent:
        meter = Meter(ledger, clock, PLATFORM)
        meter.add("platform", count)
        total += count
        clock.pass_time(pause)
        meter.flush()
    month = ledger.traffic("2026-11")
    assert sum(row.bytes for row in month) == total
    ledger.close()


def _in_memory() -> Ledger:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(Database(connection))
    return Ledger(connection)
