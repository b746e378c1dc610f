"""Polite sending: all of the link when it is free, next to nothing when somebody wants it."""

from __future__ import annotations

import pytest

from tests.simulated_link import Link
from uploader.polite import FIRST_RATE, FLOOR_PACKETS, Polite, Route, Sample

MBIT = 1e6 / 8
LINKS = {
    "256 kbit/s": Link(0.256 * MBIT),
    "1 Mbit/s": Link(MBIT),
    "4 Mbit/s": Link(4 * MBIT),
    "8 Mbit/s": Link(8 * MBIT),
    "100 Mbit/s, near": Link(100 * MBIT, base=0.02),
    "satellite": Link(4 * MBIT, base=0.3),
    "thin satellite": Link(MBIT, base=0.3),
    "far satellite": Link(4 * MBIT, base=0.6),
    "little buffer": Link(4 * MBIT, buffer=0.1),
}


@pytest.fixture(params=LINKS, scope="module")
def shared(request: pytest.FixtureRequest) -> Link:
    """Alone for 30 s, then a greedy sender for 30 s, then alone again."""
    link = LINKS[request.param]
    return Link(link.rate, link.base, link.buffer, greedy=(30, 60)).run(80)


def test_alone_it_takes_the_link_and_leaves_the_queue_empty(shared: Link) -> None:
    assert shared.ours(8, 30) >= 0.92
    assert shared.median_queue(8, 30) <= 0.015


def test_whoever_comes_gets_the_link(shared: Link) -> None:
    assert shared.theirs(35, 60) >= 0.90


def test_when_they_are_gone_it_is_back_soon(shared: Link) -> None:
    assert shared.ours(70, 80) >= 0.80
    assert shared.ours(65, 75) >= 0.80


def test_another_polite_connection_begins_where_the_last_one_ended() -> None:
    first = Link(4 * MBIT).run(20)
    again = Link(4 * MBIT, known=Route(4 * MBIT, 0.1)).run(20)
    assert again.ours(0, 2) > first.ours(0, 2)


def test_a_queue_that_stands_at_the_beginning_is_known_for_one_when_the_way_is_known() -> None:
    link = Link(4 * MBIT, known=Route(4 * MBIT, 0.1), greedy=(0, 30))
    assert link.run(30).theirs(10, 30) >= 0.9


def test_a_link_that_became_slower_is_found_out() -> None:
    assert Link(MBIT, known=Route(8 * MBIT, 0.1)).run(60).ours(30, 60) >= 0.9


def test_it_never_sends_less_than_two_packets_a_round_trip_but_trickles() -> None:
    """Below, delayed acknowledgements look like a queue."""
    polite = Polite()
    for step in range(1, 200):
        polite.rate_after(Sample(step * 0.1, 0.1 if step < 3 else 2.0, step * 100))
    assert polite.rate == pytest.approx(FLOOR_PACKETS * 1448 / 0.1)
    assert polite.trickles


def growing(pauses: bool) -> Polite:
    """A link without end, and a sender that has nothing to send in every other round trip."""
    polite, acked, now = Polite(), 0.0, 0.0
    for _ in range(24):
        now += 0.3
        acked += polite.rate * 0.3
        polite.rate_after(Sample(now, 0.3, int(acked)))
        if pauses:
            now += 0.3
            polite.rate_after(Sample(now, 0.3, int(acked), idle=True))
    return polite


def test_pauses_between_requests_say_nothing_of_the_link() -> None:
    assert growing(pauses=False).phase == "start"
    assert growing(pauses=True).phase == "start"
    assert growing(pauses=True).rate > 100 * FIRST_RATE


def test_nothing_is_known_before_anything_was_sent() -> None:
    assert Polite().route is None
    assert Polite().rate == FIRST_RATE
