"""A recorded camera's own H.264 is looked at rarely, and at once where something may be wrong."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.preview import forget_readers, was_read
from edge_agent.rules.glances import (
    OFTEN_NS,
    SECOND,
    SELDOM_NS,
    Glances,
    Sizes,
    due,
    looked,
    noticed,
)
from edge_agent.rules.pictures import COVERED_NS, FROZEN_NS

KEY_EVERY = 2
LIVELY = Sizes(80_000, 15_000)


def looks(
    seconds: range, sizes: Sizes, it: Glances, *, watched: bool = False, doubtful: bool = False
) -> tuple[list[int], Glances]:
    """The seconds at which a camera with a key frame every two seconds is looked at."""
    found = []
    for second in seconds[::KEY_EVERY]:
        it = noticed(it, second * SECOND, sizes)
        if due(it, second * SECOND, lambda: watched):
            found.append(second)
            it = looked(it, second * SECOND, doubtful)
    return found, it


def test_while_nobody_watches_and_nothing_is_odd_it_is_looked_at_every_minute() -> None:
    assert looks(range(0, 240), LIVELY, Glances())[0] == [0, 60, 120, 180]


def test_while_somebody_watches_it_is_looked_at_every_four_seconds() -> None:
    assert looks(range(0, 20), LIVELY, Glances(), watched=True)[0] == [0, 4, 8, 12, 16]


@pytest.mark.parametrize(
    "odd",
    [
        Sizes(30_000, 15_000),  # covered: the key frames are smaller
        Sizes(80_000, 120),  # frozen: nothing comes between them
    ],
)
def test_sizes_that_may_mean_a_fault_are_looked_at_until_it_can_be_told(odd: Sizes) -> None:
    _, it = looks(range(0, 20), LIVELY, Glances())
    found, _ = looks(range(20, 50), odd, it)
    assert found[0] == 20
    told_ns = max(COVERED_NS, FROZEN_NS)
    until = [second for second in found if second * SECOND <= 20 * SECOND + told_ns + OFTEN_NS]
    assert until[-1] * SECOND >= 20 * SECOND + told_ns, "two looks so far apart tell of it"
    assert all(b - a <= 4 for a, b in pairwise(until))


def test_a_doubtful_picture_is_looked_at_often_whatever_its_size() -> None:
    assert looks(range(0, 20), LIVELY, Glances(), doubtful=True)[0] == [0, 4, 8, 12, 16]


def test_key_frames_as_small_as_one_that_was_in_order_are_no_fault() -> None:
    it = looked(noticed(Glances(), 0, LIVELY), 0, doubtful=False)
    small = Sizes(40_000, 15_000)
    it = looked(noticed(it, 2 * SECOND, small), 2 * SECOND, doubtful=False)
    [*_, last], it = looks(range(4, 70), LIVELY, it)
    assert looks(range(70, 124), small, it)[0] == [last + 60]


def test_a_camera_that_sends_key_frames_only_is_not_frozen() -> None:
    assert looks(range(0, 120), Sizes(80_000, None), Glances())[0] == [0, 60]


def test_more_movement_or_detail_is_no_fault() -> None:
    _, it = looks(range(0, 2), LIVELY, Glances())
    assert looks(range(2, 30), Sizes(200_000, 60_000), it)[0] == []


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6), st.booleans()), max_size=60)
)
def test_looks_are_never_closer_than_often_nor_further_than_seldom(
    frames: list[tuple[int, int, bool]],
) -> None:
    it, last = Glances(), None
    for second, (key, other, doubtful) in enumerate(frames):
        now_ns = second * SECOND
        it = noticed(it, now_ns, Sizes(key, other))
        if due(it, now_ns, lambda: False):
            assert last is None or now_ns - last >= OFTEN_NS * 9 // 10
            last, it = now_ns, looked(it, now_ns, doubtful)
        assert last is not None
        assert now_ns - last < SELDOM_NS


def test_who_reads_a_preview_leaves_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "preview.jpg"
    path.write_bytes(b"jpeg")
    forget_readers(path)
    before = path.stat().st_mtime_ns
    assert not was_read(path)
    path.read_bytes()
    assert was_read(path)
    assert path.stat().st_mtime_ns == before, "its age is shown to people"


def test_a_preview_that_is_not_there_is_wanted(tmp_path: Path) -> None:
    assert was_read(tmp_path / "none.jpg")
