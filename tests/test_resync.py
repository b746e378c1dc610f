"""Sound stays with the pictures whatever the sound card's clock does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import av
import numpy as np
import pytest

from encoders.resync import FormatChanged, Resync
from tests.lecture_maker import SECOND, sound

RATE = 48_000
BLOCK = 9600  # 0.2 s: an hour of simulated capture in few steps.
CLICK_EVERY_S = 20


def capture(
    ppm: float, minutes: float, gaps: tuple[tuple[float, float], ...] = ()
) -> Iterator[av.AudioFrame]:
    """Sound of a card that is `ppm` too fast, a click at each true 20 s, stamps up to 4 ms late."""
    rng = np.random.default_rng(7)
    rate = RATE * (1 + ppm * 1e-6)
    clicks = np.rint(np.arange(CLICK_EVERY_S, minutes * 60, CLICK_EVERY_S) * rate).astype(int)
    for first in range(0, int(minutes * 60 * rate) - BLOCK, BLOCK):
        true_s = first / rate
        if any(start <= true_s < end for start, end in gaps):
            continue
        data = np.zeros((1, BLOCK), np.int16)
        inside = clicks[(clicks >= first) & (clicks < first + BLOCK)] - first
        data[0, inside] = 30_000
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = SECOND + round((true_s + rng.uniform(0, 0.004)) * SECOND)
        yield frame


def clicks_heard(frames: Iterator[av.AudioFrame]) -> list[float]:
    """Package seconds of the clicks, told by counting samples: what a player does."""
    resync = Resync("mono", RATE, 1024)
    heard: list[float] = []
    count = 0
    for block in (block for frame in frames for block in resync.push(frame)):
        wave = np.abs(block.to_ndarray()[0])
        for index in np.flatnonzero(wave > 0.25):
            at = (count + int(index)) / RATE
            if not heard or at - heard[-1] > 1:
                heard.append(at)
        count += block.samples
    return heard


@pytest.mark.parametrize("ppm", [-1400, -500, -100, 100, 500])
def test_after_an_hour_of_a_wrong_clock_sound_is_within_40_ms(ppm: int) -> None:
    heard = clicks_heard(capture(ppm, 60))
    assert len(heard) == 179
    errors = [at - (number + 1) * CLICK_EVERY_S for number, at in enumerate(heard)]
    assert max(map(abs, errors)) < 0.040


def test_holes_are_filled_so_that_sound_after_them_is_in_its_place() -> None:
    holes = ((31.0, 38.0), (95.0, 95.6), (130.0, 250.0))
    heard = clicks_heard(capture(100, 5, holes))
    expected = [t for t in range(20, 300, 20) if not any(a <= t < b for a, b in holes)]
    assert len(heard) == len(expected)
    assert max(abs(a - b) for a, b in zip(heard, expected, strict=True)) < 0.040


def test_blocks_have_one_size_and_stamps_without_a_hole() -> None:
    resync = Resync("mono", RATE, 1024)
    blocks = [block for frame in capture(300, 0.2) for block in resync.push(frame)]
    assert {block.samples for block in blocks} == {1024}
    assert {b.pts - a.pts for a, b in itertools.pairwise(blocks)} == {1024}


def test_another_format_in_the_middle_is_an_error_not_noise() -> None:
    resync = Resync("mono", RATE, 1024)
    first, second = sound(0), sound(1, channels=2)
    first.pts = second.pts = SECOND
    list(resync.push(first))
    with pytest.raises(FormatChanged, match="stereo"):
        list(resync.push(second))
