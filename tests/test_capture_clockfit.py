"""Stamps out of jittery arrivals."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.clockfit import Anchor, BlockClock, Stamper
from capture.drift import Drift

NS = 1_000_000_000
RATE, BLOCK = 48_000, 960
MS = NS // 1000


def arrivals(blocks: int, ppm: float, burst: int, seed: int = 1) -> np.ndarray:
    """True starts and seeming starts (ns): blocks come in bursts, with jitter and rare spikes."""
    random = np.random.default_rng(seed)
    rate = RATE * (1 + ppm * 1e-6)
    number = np.arange(blocks)
    true = number * BLOCK / rate
    heard = (number // burst + 1) * burst * BLOCK / rate
    late = random.uniform(0, 0.004, blocks) + 0.03 * (random.random(blocks) < 0.002)
    return np.rint((np.stack([true, heard + late - BLOCK / RATE]) + 100) * NS).astype(np.int64)


def stamped(seeming: np.ndarray, lost: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
    stamper: Stamper[int] = Stamper(RATE, BLOCK)
    return [
        pair
        for number, raw in enumerate(seeming)
        for pair in stamper.push(int(raw), number, number in lost)
    ]


def errors(true: np.ndarray, seeming: np.ndarray) -> np.ndarray:
    """How far off (ns) the stamps are; all blocks come in order, the last ones may still wait."""
    pairs = stamped(seeming)
    assert [number for _, number in pairs] == list(range(len(pairs)))
    assert len(pairs) > len(seeming) - Stamper.PATIENCE
    return np.abs(np.array([stamp for stamp, _ in pairs]) - true[: len(pairs)])


@pytest.mark.parametrize("ppm", [100, -100, 500, -1400])
@pytest.mark.parametrize("burst", [1, 4])
def test_stamps_stay_within_3_ms_of_the_truth_once_settled(ppm: float, burst: int) -> None:
    off = errors(*arrivals(9000, ppm, burst))
    assert off[3000:].max() < 3 * MS
    assert off[500:].max() < 6 * MS


def test_a_card_without_any_jitter_waits_no_longer_than_others() -> None:
    seeming = np.arange(100) * 20 * MS
    stamper: Stamper[int] = Stamper(RATE, BLOCK)
    waits = [len(stamper.push(int(raw), 0)) for raw in seeming]
    assert waits == [0] * (Stamper.SURE - 1) + [Stamper.SURE] + [1] * (100 - Stamper.SURE)


def test_one_late_call_back_is_no_gap() -> None:
    true, seeming = arrivals(3000, 0, 1)
    seeming[2000] += 400 * MS
    assert errors(true, seeming)[1000:].max() < 3 * MS


@pytest.mark.parametrize("stall_s", [0.1, 0.25, 0.45, 0.9, 2.5])
def test_a_pc_that_was_held_up_gets_a_burst_and_no_gap(stall_s: float) -> None:
    true, seeming = arrivals(3000, -1400, 1)
    held_up = (true >= true[2000]) & (true < true[2000] + stall_s * NS)
    seeming[held_up] = np.maximum(seeming[held_up], true[2000] + round(stall_s * NS))
    assert errors(true, seeming)[1000:].max() < 5 * MS


def held_up(stall_s: float, pace: float) -> tuple[np.ndarray, np.ndarray]:
    """A minute in; then what was held up comes `pace` times as fast as it was heard."""
    true, seeming = arrivals(6000, -1400, 1)
    since = true - true[2000]
    comes = true[2000] + round(stall_s * NS) + np.rint(since / pace).astype(np.int64)
    return true, np.where(since >= 0, np.maximum(seeming, comes), seeming)


@pytest.mark.parametrize(("stall_s", "pace"), [(0.6, 1.3), (0.8, 2.0), (0.3, 1.1), (2.0, 1.8)])
def test_a_slow_burst_is_no_gap_either(stall_s: float, pace: float) -> None:
    assert errors(*held_up(stall_s, pace))[1000:].max() < 5 * MS


@pytest.mark.parametrize(("stall_s", "pace"), [(0.9, 1.05), (2.0, 1.2)])
def test_after_a_burst_that_nobody_can_wait_for_the_stamps_catch_up(
    stall_s: float, pace: float
) -> None:
    true, seeming = held_up(stall_s, pace)
    assert errors(true, seeming)[2000 + 25 * 50 :].max() < 10 * MS
    drift = Drift(RATE)
    for stamp, _ in stamped(seeming):
        drift.add(stamp, BLOCK)
    assert drift.ppm == pytest.approx(-1400, abs=30)


@pytest.mark.parametrize("lost_s", [0.1, 0.4, 0.9, 7.0])
def test_of_samples_lost_without_a_word_not_one_that_follows_is_in_the_wrong_place(
    lost_s: float,
) -> None:
    true, seeming = arrivals(4000, -1400, 1)
    true[2000:] += round(lost_s * NS)
    seeming[2000:] += round(lost_s * NS)
    assert errors(true, seeming)[1000:].max() < 6 * MS


def test_a_loss_within_a_hold_up_is_told_from_it() -> None:
    true, seeming = arrivals(3000, 50, 1)
    true[2000:] += 300 * MS
    seeming[2000:] += 300 * MS
    seeming[2000:2040] = seeming[2040]
    assert errors(true, seeming)[1000:].max() < 6 * MS


def test_known_loss_is_believed_at_once() -> None:
    clock = BlockClock(RATE)
    for number in range(100):
        clock.stamp(NS + number * 20 * MS, BLOCK)
    clock.restart()
    assert clock.stamp(NS + 100 * 20 * MS + 60 * MS, BLOCK) == NS + 2060 * MS


@pytest.mark.parametrize("late_ms", [30, 130, 900])
@pytest.mark.parametrize("first", [0, 1000])
def test_a_first_block_that_comes_late_deceives_nobody(late_ms: int, first: int) -> None:
    true, seeming = arrivals(2000, -1400, 1)
    true[first:] += 600 * MS  # what was lost before it
    seeming[first:] += 600 * MS
    seeming[first] += late_ms * MS
    pairs = stamped(seeming, frozenset({first}))
    assert [number for _, number in pairs] == list(range(2000))
    stamps = np.array([stamp for stamp, _ in pairs])
    assert np.abs((stamps - true)[first:]).max() < 6 * MS


def test_blocks_that_wait_come_out_when_the_next_loss_shows() -> None:
    _, seeming = arrivals(Stamper.SURE + 3, 0, 1)
    numbers = [number for _, number in stamped(seeming, frozenset({3}))]
    assert numbers == list(range(Stamper.SURE + 3))


@settings(max_examples=50)
@given(st.lists(st.integers(-3 * NS, 3 * NS), min_size=2, max_size=60))
def test_block_stamps_only_go_forward_whatever_arrives(jumps: list[int]) -> None:
    clock, at, stamps = BlockClock(RATE), 100 * NS, []
    for jump in jumps:
        at = max(0, at + jump)
        stamps.append(clock.stamp(at, BLOCK))
    assert all(later > earlier for earlier, later in pairwise(stamps))


def test_the_smallest_delay_wins() -> None:
    anchor = Anchor()
    assert anchor.stamp(0, 1000 * MS) == 1000 * MS
    assert anchor.stamp(40 * MS, 1010 * MS) == 1010 * MS  # 30 ms less delay than the first
    assert anchor.stamp(80 * MS, 1400 * MS) == pytest.approx(1050 * MS, abs=MS)  # a late one


def test_a_backlog_is_stamped_with_the_delay_of_live_packets() -> None:
    anchor = Anchor()
    media = [number * 40 * MS for number in range(10)]
    for at in media:
        anchor.prime(at, 5000 * MS if at < 320 * MS else 5000 * MS + at - 320 * MS)
    stamps = [anchor.stamp(at, 5040 * MS) for at in media]
    assert stamps[0] == 4680 * MS
    steps = [later - earlier for earlier, later in pairwise(stamps)]
    assert steps == pytest.approx([40 * MS] * 9, abs=MS // 2)


def test_a_slow_camera_clock_is_followed() -> None:
    anchor, stamp = Anchor(), 0
    for number in range(25 * 600):
        arrival = NS + number * 40 * MS
        stamp = anchor.stamp(round(number * 40 * MS * (1 - 1e-4)), arrival)
    assert stamp == pytest.approx(arrival, abs=5 * MS)


def test_a_camera_that_starts_its_clock_again_is_anchored_anew() -> None:
    anchor = Anchor()
    anchor.stamp(1000 * NS, 50 * NS)
    assert anchor.stamp(3 * NS, 51 * NS) == 51 * NS


def test_a_stall_of_the_network_moves_nothing() -> None:
    anchor = Anchor()
    anchor.stamp(0, NS)
    assert anchor.stamp(40 * MS, 4 * NS) == pytest.approx(1040 * MS, abs=MS)


@given(st.lists(st.tuples(st.integers(0, 10**13), st.integers(1, 10**13)), min_size=2))
def test_anchored_stamps_only_go_forward_whatever_comes(pairs: list[tuple[int, int]]) -> None:
    anchor = Anchor()
    stamps = [anchor.stamp(media, arrival) for media, arrival in pairs]
    assert all(later > earlier for earlier, later in pairwise(stamps))
