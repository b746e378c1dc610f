"""Honest time stamps out of jittery arrivals. Pure: every instant comes in as an argument.

`BlockClock` smooths the capture stamps of a sound card (a delay-locked loop: Adriaensen, "Using a
DLL to filter time", 2005). `Anchor` places a stream with a clock of its own (RTP) on ours.
Both only ever move forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NS = 1_000_000_000


class BlockClock:
    """Stamps of the first sample of blocks, on the monotonic clock, free of scheduling jitter.

    Blocks come late, alone or in bursts, but never early: the earliest of the last ones tell the
    truth, and the loop smooths those. So one late call-back is no gap. A gap is believed when it is
    longer than `GAP`, or when `PATIENCE` blocks in a row are late by more than `SPIKE`. The card's
    rate may differ from the nominal one by `MOST_OFF`.
    """

    GAP = 1.0  # s
    SPIKE = 0.02  # s
    PATIENCE = 10  # blocks
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

    def stamp(self, raw_ns: int, samples: int) -> int:
        """The smoothed ns of a block's first sample. `raw_ns` is when it was seemingly captured."""
        if self._next is None or self._after_gap((raw_ns - self._base) / NS - self._latest):
            self.restart()
            self._base, self._next = raw_ns, 0.0
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
        self._late = self._late + 1 if late > self.SPIKE else 0
        return abs(late) > self.GAP or self._late > self.PATIENCE


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
