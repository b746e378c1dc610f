"""Three simulated hours of two cameras and a microphone, from the sound card to the file.

Cameras are stamped by the monotonic clock, so only sound can drift against them: the whole way of
its stamps is here, as they come late and in bursts, with hold-ups and losses in between.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
import pytest

from capture.clockfit import Stamper
from encoders.resync import Resync
from tests.lecture_maker import SECOND

#: A sixth of the usual rate: what is tested is time, and three hours have a price.
RATE, BLOCK = 8000, 800
HOURS = 3.0
CLICK_EVERY_S = 20
#: The PC is held up so often, for so long: what was heard comes late, all at once.
STALL_EVERY_S, STALL_S = 601.0, 0.4
LIMIT_S = 0.040


def call_backs(ppm: float) -> Iterator[tuple[float, float]]:
    """When each block was truly captured, and when it seems to have been, in seconds."""
    random = np.random.default_rng(3)
    length = BLOCK / (RATE * (1 + ppm * 1e-6))
    for number in range(int(HOURS * 3600 / length)):
        true = number * length
        late = random.uniform(0, 0.004) + (0.03 if random.random() < 0.002 else 0.0)
        into = true % STALL_EVERY_S
        if true > STALL_EVERY_S and into < STALL_S:
            late = max(late, STALL_S - into)
        yield true, true + late


def captured(ppm: float) -> Iterator[av.AudioFrame]:
    """The recorder's frames; a click at each true 20 s."""
    stamper: Stamper[float] = Stamper(RATE, BLOCK)
    rate = RATE * (1 + ppm * 1e-6)
    for true, seeming in call_backs(ppm):
        for stamp, begins in stamper.push(round((seeming + 1) * SECOND), true):
            data = np.zeros((1, BLOCK), np.int16)
            click = int((-begins % CLICK_EVERY_S) * rate)
            if click < BLOCK:
                data[0, click] = 30_000
            frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
            frame.sample_rate = RATE
            frame.pts = stamp
            yield frame


@pytest.mark.parametrize("ppm", [100, -100])
def test_sound_and_pictures_are_within_40_ms_at_every_point(ppm: float) -> None:
    resync, count, heard = Resync("mono", RATE, 1024), 0, list[float]()
    for frame in captured(ppm):
        for block in resync.push(frame):
            wave = np.abs(block.to_ndarray()[0])
            peak = int(wave.argmax())
            if wave[peak] > 0.2 and (not heard or (count + peak) / RATE - heard[-1] > 1):
                heard.append((count + peak) / RATE)
            count += block.samples
    due = CLICK_EVERY_S * np.arange(len(heard))
    assert len(heard) >= HOURS * 3600 / CLICK_EVERY_S - 1
    off = np.abs(np.array(heard) - due)
    print(f"MEASURED at {ppm:+} ppm: median {np.median(off):.4f} s, worst {off.max():.4f} s")
    assert off.max() < LIMIT_S
