"""How loud it is: peak and RMS of 100 ms blocks in dBFS. Pure.

Full scale is a square wave at the largest sample, so a full-scale sine has an RMS of -3 dBFS.
Of several channels the loudest counts. Digital silence is `SILENCE`, not minus infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

SILENCE = -120.0
CLIPPED = -0.1  # dBFS; a peak above this has most likely been cut off
BLOCK_S = 0.1


@dataclass(frozen=True, slots=True)
class Level:
    """dBFS of one block whose first sample has `pts` (monotonic ns)."""

    pts: int
    peak: float
    rms: float

    @property
    def clipped(self) -> bool:
        return self.peak >= CLIPPED


class Meter:
    """Cuts a run of s16 frames into blocks of 100 ms, whatever the size of the frames."""

    def __init__(self, rate: int) -> None:
        self._block = round(rate * BLOCK_S)
        self._rate = rate
        self._held: list[NDArray[np.int16]] = []
        self._count = 0

    def add(self, frame: av.AudioFrame) -> list[Level]:
        """Levels of the blocks that this frame completes."""
        samples = channels_of(frame)
        first = (frame.pts or 0) - self._count * 1_000_000_000 // self._rate
        held = np.concatenate([*self._held, samples]) if self._held else samples
        whole = len(held) // self._block
        levels = []
        for index in range(whole):
            at = index * self._block
            peak, rms = measure(held[at : at + self._block])
            levels.append(Level(first + at * 1_000_000_000 // self._rate, peak, rms))
        rest = held[whole * self._block :]
        self._held, self._count = [rest], len(rest)
        return levels


def channels_of(frame: av.AudioFrame) -> NDArray[np.int16]:
    """The samples of a packed s16 frame as rows of channels."""
    packed = frame.to_ndarray()
    return np.asarray(packed.reshape(-1, frame.layout.nb_channels), dtype=np.int16)


def measure(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Peak and RMS in dBFS of samples × channels."""
    if samples.size == 0:
        return SILENCE, SILENCE
    scaled = samples.astype(np.float64) / 32768.0
    peak = float(np.abs(scaled).max())
    power = float((scaled**2).mean(axis=0).max())
    return _db(20, peak), _db(10, power)


def _db(factor: int, ratio: float) -> float:
    return max(SILENCE, factor * math.log10(ratio)) if ratio > 0 else SILENCE
