"""What people order of the upload: the sequence decides, what is over is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import rfc3339
from edge_agent.ledger import Ledger
from edge_agent.ledger_upload import MOST_ORDERS
from edge_agent.rows import UploadOrder
from edge_agent.upload_orders import Control, control
from tests.delivery_room import Room
from tests.fixed_clock import FixedClock
from uploader.limits import Limit


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.ledger.close()


def holding(ledger: Ledger, clock: FixedClock) -> Control:
    return control(ledger.upload_orders(), clock.now())


def order(ledger: Ledger, clock: FixedClock, verb: str, hours: float = 0, **more: object) -> int:
    end = {}
    if hours:
        until = rfc3339(clock.utc + timedelta(hours=hours))
        end = {"seconds": 3600 * hours, "until_utc": until}
    return ledger.order_upload(clock.now(), verb, **end, **more)  # type: ignore[arg-type]


def test_a_pause_holds_over_a_restart_until_it_is_ended(room: Room) -> None:
    clock = FixedClock()
    order(room.ledger, clock, "pause")
    clock.reboot(10**6)
    with_another = Ledger.write(room.spool.ledger)
    assert holding(with_another, clock).pause is not None
    order(with_another, clock, "resume")
    assert holding(room.ledger, clock).pause is None
    with_another.close()


@pytest.mark.parametrize("clock_moves_h", [0, -5, +5])
def test_within_one_boot_a_pause_is_as_long_as_was_said_wherever_the_clock_goes(
    room: Room, clock_moves_h: int
) -> None:
    clock = FixedClock()
    order(room.ledger, clock, "pause", hours=2)
    clock.utc += timedelta(hours=clock_moves_h)
    clock.pass_time(3600)
    pause = holding(room.ledger, clock).pause
    assert pause is not None
    assert pause.until == clock.utc + timedelta(hours=1)
    clock.pass_time(3600)
    assert holding(room.ledger, clock).pause is None


def test_after_a_reboot_the_clock_decides_and_one_that_was_never_set_ends_nothing(
    room: Room,
) -> None:
    clock = FixedClock()
    order(room.ledger, clock, "pause", hours=2)
    clock.reboot(3600)
    assert holding(room.ledger, clock).pause is not None
    clock.pass_time(3600)
    clock.trust = "unset"
    assert holding(room.ledger, clock).pause is not None
    clock.trust = "plausible"
    assert holding(room.ledger, clock).pause is None


def test_the_later_of_a_pause_and_a_wish_wins(room: Room) -> None:
    clock = FixedClock()
    room.package("L1", {"a": b"a"})
    order(room.ledger, clock, "now", lectures=["L1"])
    assert holding(room.ledger, clock).asked == {"L1"}
    order(room.ledger, clock, "pause")
    assert holding(room.ledger, clock).asked == frozenset()
    order(room.ledger, clock, "now", lectures=["L1"])
    found = holding(room.ledger, clock)
    assert (found.asked, found.pause is not None) == ({"L1"}, True)


def test_what_was_asked_for_and_has_arrived_was_asked_for_once(room: Room) -> None:
    clock = FixedClock()
    room.package("L1", {"a": b"a"})
    order(room.ledger, clock, "now", lectures=["L1"])
    room.ledger.delivered(room.row("a"), {"state": "verified"}, clock.now())
    order(room.ledger, clock, "retry")
    assert holding(room.ledger, clock).asked == frozenset()


def test_a_limit_replaces_the_one_before_and_the_timetable_ends_it(room: Room) -> None:
    clock = FixedClock()
    order(room.ledger, clock, "limit", rate=1000)
    order(room.ledger, clock, "limit", hours=1)
    found = holding(room.ledger, clock).limit
    assert found is not None
    assert found.limit == Limit(None)
    order(room.ledger, clock, "timetable")
    assert holding(room.ledger, clock).limit is None


def test_years_of_orders_do_not_pile_up_and_a_pause_among_them_is_not_lost(room: Room) -> None:
    clock = FixedClock()
    order(room.ledger, clock, "pause")
    last = order(room.ledger, clock, "retry", lectures=[str(n) for n in range(MOST_ORDERS + 50)])
    for _ in range(20):
        order(room.ledger, clock, "limit", rate=1)
    assert len(room.ledger.upload_orders()) <= MOST_ORDERS + 2
    found = holding(room.ledger, clock)
    assert found.pause is not None
    assert found.newest == last + 20
    assert found.again[-1][0] == last


verbs = st.lists(
    st.tuples(
        st.sampled_from(["pause", "resume", "now", "retry", "limit", "timetable"]),
        st.sampled_from(["", "L1", "L2"]),
    ),
    max_size=12,
)


@given(verbs)
def test_the_last_word_about_each_thing_is_what_holds(given_orders: list[tuple[str, str]]) -> None:
    rows = [
        UploadOrder(number, verb, lecture, 7, None, "boot-1", None, "", "test")
        for number, (verb, lecture) in enumerate(given_orders, 1)
    ]
    found = control(rows, FixedClock().now())
    said = [verb for verb, _ in given_orders]
    pauses = [verb for verb in said if verb in ("pause", "resume")]
    limits = [verb for verb in said if verb in ("limit", "timetable")]
    assert (found.pause is not None) == (pauses[-1:] == ["pause"])
    assert (found.limit is not None) == (limits[-1:] == ["limit"])
    since = len(said) - said[::-1].index("pause") if "pause" in said else 0
    assert found.asked == {lec for verb, lec in given_orders[since:] if verb == "now"}
    assert found.newest == len(rows)
