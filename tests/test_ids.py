"""Laws of lecture ids (RFC 9562, section 5.7)."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ids import uuid7

times = st.integers(0, (1 << 48) - 1)
randomness = st.integers(0, (1 << 74) - 1)


@given(times, randomness)
def test_an_id_is_a_uuid_of_version_seven(ms: int, bits: int) -> None:
    it = uuid.UUID(uuid7(ms * 1_000_000, bits))
    assert (it.version, it.variant) == (7, uuid.RFC_4122)
    assert it.int >> 80 == ms


@given(times, times, randomness, randomness)
def test_ids_sort_by_time(a: int, b: int, x: int, y: int) -> None:
    if a < b:
        assert uuid7(a * 1_000_000, x) < uuid7(b * 1_000_000, y)


@given(times, randomness, randomness)
def test_ids_of_one_instant_differ(ms: int, x: int, y: int) -> None:
    assert (uuid7(ms * 1_000_000, x) == uuid7(ms * 1_000_000, y)) == (x == y)


def test_no_two_ids_are_equal() -> None:
    assert len({uuid7(0) for _ in range(1000)}) == 1000
