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
    truth, and the loop smooths those. Lateness alone is never a gap here: `Stamper` decides that.
    The card's rate may differ from the nominal one by `MOST_OFF`.
    """

    EARLY = 1.0  # s: earlier than the loop expects by more, and it begins anew
    SPIKE = 0.02  # s
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

    def begin(self, raws_ns: Sequence[int], samples: int) -> None:
        """As `restart`, and the earliest of the next blocks tells when the first was captured."""
        self.restart()
        self._base = min(self.beginnings(raws_ns, samples))
        self._next = 0.0

    def beginnings(self, raws_ns: Sequence[int], samples: int) -> list[int]:
        """When the first of these blocks was captured (ns), as each of them alone would tell."""
        length = samples * self._nominal * NS
        return [raw - round(n * length) for n, raw in enumerate(raws_ns)]

    def late(self, raw_ns: int, ahead: int, samples: int) -> float:
        """By how many seconds a block is too late that comes `ahead` blocks after the next."""
        if self._next is None:
            return 0.0
        return (raw_ns - self._base) / NS - self._latest - ahead * self._longest(samples)

    def stamp(self, raw_ns: int, samples: int) -> int:
        """The smoothed ns of a block's first sample. `raw_ns` is when it was seemingly captured."""
        if self._next is None or self.late(raw_ns, 0, samples) < -self.EARLY:
            self.begin([raw_ns], samples)
        assert self._next is not None
        at, true = self._next, min(self._latest, (raw_ns - self._base) / NS)
        self._latest = true + self._longest(samples)
        self._advance(at, true - at, samples)
        self._last = max(self._last + 1, self._base + round(at * NS))
        return self._last

    def _longest(self, samples: int) -> float:
        return samples * self._nominal * (1 + self.MOST_OFF)

    def _advance(self, at: float, error: float, samples: int) -> None:
        if error < -self.SPIKE:  # no block is early: the stamps were late, and catch up
            self._age = 0.0
        length = samples * self._period
        band = self.WIDE if self._age < self.SETTLING else self.NARROW
        omega = min(0.5, 2 * math.pi * band * length)
        if abs(error) <= self.SPIKE:  # more says nothing about the card's rate
            slack = self._nominal * self.MOST_OFF
            period = self._period + omega * omega * error / max(1, samples)
            self._period = max(self._nominal - slack, min(self._nominal + slack, period))
        error = max(-self.SPIKE, min(self.SPIKE, error))
        self._next = at + length + math.sqrt(2) * omega * error
        self._age += length


class Stamper(Generic[T]):
    """Blocks of one size in, the same with their stamps out; those that are in doubt wait.

    The first blocks after a beginning or a known loss wait for each other, `SURE` of them: on a
    busy PC a single one was seen to be 130 ms late, and all sound for the next second with it.

    Late blocks wait until one comes in time: then the PC was held up, and nothing is missing. When
    more than `PATIENCE` in a row are late, samples were lost before the first of them without a
    word, as a sound server loses them: the gap is as long as the least of them is late. While a
    burst lasts, the blocks become less and less late, and nothing is decided.
    """

    SURE = 10
    PATIENCE = 25
    MOST = 250  # blocks that wait at most
    #: As long as the least late of the last `RECENT` blocks is less late than all before them by
    #: more than this (ns), the burst goes on: it may be as slow as 1.03 times real time.
    RECENT, BURST = 10, NS // 200

    def __init__(self, rate: int, samples: int) -> None:
        self._clock = BlockClock(rate)
        self._samples = samples
        self._held: list[tuple[int, T]] = []
        self._beginning = True

    def push(self, raw_ns: int, block: T, lost: bool = False) -> list[tuple[int, T]]:
        """What can be stamped now. `lost`: samples are missing before this block."""
        ready = self._release(self._beginning) if lost else []
        self._beginning = self._beginning or lost
        late = self._clock.late(raw_ns, len(self._held), self._samples)
        self._held.append((raw_ns, block))
        if not self._beginning and late <= self._clock.SPIKE:
            return ready + self._release(anew=False)
        return ready + self._release(anew=True) if self._sure() else ready

    def _sure(self) -> bool:
        """Whether the blocks that wait tell when the first of them was captured."""
        if len(self._held) < (self.SURE if self._beginning else self.PATIENCE + 1):
            return False
        seeming = self._clock.beginnings([raw for raw, _ in self._held], self._samples)
        before, recent = seeming[: -self.RECENT], seeming[-self.RECENT :]
        caught_up = not before or min(recent) > min(before) - self.BURST
        return caught_up or len(self._held) >= self.MOST

    def _release(self, anew: bool) -> list[tuple[int, T]]:
        held, self._held = self._held, []
        if held and anew:
            self._clock.begin([raw for raw, _ in held], self._samples)
        self._beginning = False
        return [(self._clock.stamp(raw, self._samples), block) for raw, block in held]


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
