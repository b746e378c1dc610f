"""Honest time stamps out of jittery arrivals. Pure: every instant comes in as an argument.

`BlockClock` smooths the capture stamps of a sound card (a delay-locked loop: Adriaensen, "Using a
DLL to filter time", 2005). `Anchor` places a stream with a clock of its own (RTP) on ours.
Both only ever move forward. `Stamper` looks at some blocks at once where one alone can deceive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

NS = 1_000_000_000
T = TypeVar("T")


class BlockClock:
    """Stamps of the first sample of blocks, on the monotonic clock, free of scheduling jitter.

    Blocks come late, alone or in bursts, but never early: the earliest of the last ones tell the
    truth, and the loop smooths those. So one late call-back is no gap. A gap is believed when it is
    longer than `GAP`, or when `PATIENCE` blocks in a row are late by more than `SPIKE`; then it is
    as long as the least of them is late. So a PC that was held up for a moment makes none. The
    card's rate may differ from the nominal one by `MOST_OFF`.
    """

    GAP = 1.0  # s
    SPIKE = 0.02  # s
    PATIENCE = 25  # blocks
    WIDE, NARROW = 0.5, 0.02  # Hz: bandwidth while settling, and then
    SETTLING = 3.0  # s
    MOST_OFF = 3e-3

    def __init__(self, rate: int) -> None:
        self._nominal = 1.0 / rate
        self._base = 0  # ns
        self._last = 0  # ns
        self.restart()

    def restart(self) -> None:
        """Forget the past: samples are known to be lost, the next stamp is taken as it is."""
        self._next: float | None = None  # s after the base: where the loop expects the block
        self._latest = 0.0  # s after the base: later than this the block cannot truly be
        self._period = self._nominal  # s per sample
        self._age = 0.0
        self._late = 0
        self._least = math.inf  # s: how late the least late of these is

    def begin(self, raws_ns: Sequence[int], samples: int) -> None:
        """As `restart`, and the earliest of the next blocks tells when the first was captured."""
        self.restart()
        length = samples * self._nominal * NS
        self._base = min(raw - round(n * length) for n, raw in enumerate(raws_ns))
        self._next = 0.0

    def stamp(self, raw_ns: int, samples: int) -> int:
        """The smoothed ns of a block's first sample. `raw_ns` is when it was seemingly captured."""
        late = (raw_ns - self._base) / NS - self._latest
        if self._next is None or abs(late) > self.GAP:
            self.begin([raw_ns], samples)
        elif self._after_gap(late):
            self.begin([raw_ns - round((late - self._least) * NS)], samples)
        assert self._next is not None
        at, true = self._next, min(self._latest, (raw_ns - self._base) / NS)
        self._latest = true + samples * self._nominal * (1 + self.MOST_OFF)
        self._advance(at, true - at, samples)
        self._last = max(self._last + 1, self._base + round(at * NS))
        return self._last

    def _advance(self, at: float, error: float, samples: int) -> None:
        error = max(-self.SPIKE, min(self.SPIKE, error))
        length = samples * self._period
        band = self.WIDE if self._age < self.SETTLING else self.NARROW
        omega = min(0.5, 2 * math.pi * band * length)
        self._next = at + length + math.sqrt(2) * omega * error
        slack = self._nominal * self.MOST_OFF
        period = self._period + omega * omega * error / max(1, samples)
        self._period = max(self._nominal - slack, min(self._nominal + slack, period))
        self._age += length

    def _after_gap(self, late: float) -> bool:
        if late <= self.SPIKE:
            self._late, self._least = 0, math.inf
            return False
        self._late, self._least = self._late + 1, min(self._least, late)
        return self._late > self.PATIENCE


class Stamper(Generic[T]):
    """Blocks of one size in, the same with their stamps out.

    The first blocks after a beginning or a known loss wait for each other, `SURE` of them: on a
    busy PC a single one was seen to be 130 ms late, and all sound for the next second with it.
    """

    SURE = 10

    def __init__(self, rate: int, samples: int) -> None:
        self._clock = BlockClock(rate)
        self._samples = samples
        self._waiting: list[tuple[int, T]] | None = []

    def push(self, raw_ns: int, block: T, lost: bool = False) -> list[tuple[int, T]]:
        """What can be stamped now. `lost`: samples are missing before this block."""
        ready: list[tuple[int, T]] = []
        if lost:
            ready, self._waiting = self._settle(), []
        if self._waiting is None:
            return [(self._clock.stamp(raw_ns, self._samples), block)]
        self._waiting.append((raw_ns, block))
        return ready + self._settle() if len(self._waiting) >= self.SURE else ready

    def _settle(self) -> list[tuple[int, T]]:
        waiting, self._waiting = self._waiting, None
        if not waiting:
            return []
        self._clock.begin([raw for raw, _ in waiting], self._samples)
        return [(self._clock.stamp(raw, self._samples), block) for raw, block in waiting]


@dataclass(slots=True)
class Anchor:
    """Media time → monotonic ns: the smallest delay seen so far is the true one.

    The delay may creep up by `LEAK_PPM` of the elapsed time, to follow a slow clock. A jump of the
    media clock by more than `JUMP` ns (the camera started again) anchors anew. Steps are at least
    `STEP`, so that no muxer sees two equal stamps.
    """

    offset: int | None = None
    last: int = 0
    media: int = 0

    LEAK_PPM = 500
    JUMP = NS
    STEP = NS // 1000

    def prime(self, media_ns: int, arrival_ns: int) -> None:
        """Learn the delay from a packet without stamping it: for those that waited in a backlog."""
        seen = arrival_ns - media_ns
        if self.offset is None:
            self.media = media_ns
        self.offset = seen if self.offset is None else min(seen, self.offset)

    def stamp(self, media_ns: int, arrival_ns: int) -> int:
        seen = arrival_ns - media_ns
        if self.offset is None or self._restarted(media_ns, seen - self.offset):
            self.offset = seen
        else:
            creep = max(0, media_ns - self.media) * self.LEAK_PPM // 1_000_000
            self.offset = min(seen, self.offset + creep)
        self.media = media_ns
        self.last = max(self.last + self.STEP if self.last else 0, media_ns + self.offset)
        return self.last

    def _restarted(self, media_ns: int, late: int) -> bool:
        return abs(late) > self.JUMP and abs(media_ns - self.media) > self.JUMP
