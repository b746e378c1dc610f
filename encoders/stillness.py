"""Is this picture the same as the last one that was encoded? Pure: no clock, no I/O, no codec.

Slides and screens stand still for minutes. What has not changed is not encoded again, except when
the open fragment is due: a fragment closes only when the next packet comes. A blinking cursor is a
change, the noise of a grabber or of JPEG is not. A false "changed" costs a few bytes, a false
"same" is put right by the next fragment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoders.rotation import SECOND, fragment_full

#: One row of a plane is one row of bytes as they lie in memory, of 8 bits per component.
Plane = NDArray[np.uint8]

#: Every fourth row is looked at, others each time: a cursor of 16 rows is seen at once, a line of
#: one row within four pictures.
STEP = 4
#: Cells of 16 bytes and four looked-at rows.
CELL = 16
#: Two bytes of a cell that differ by more are a change; noise of ±20 is not.
PEAK = 40
PEAKS = 2
#: So is a mean difference of a cell above this: faint text, a highlighted line.
MEAN = 6
#: The muxer counts in 1/90 000 s; a picture is repeated only when it surely sees a full fragment.
ROUNDING_NS = 25_000
#: Key frames of a still track: its segments are as long. Nothing is less safe for that, each
#: fragment is synced; a player that seeks decodes at most a minute of few pictures.
STILL_SEGMENT_NS = 60 * SECOND


class Stillness:
    """Follows one track; remembers the last picture that was to be encoded."""

    def __init__(self) -> None:
        self._last: list[Plane] = []
        self._phase = 0
        self._fragment_ns: int | None = None

    def wants(self, at_ns: int, planes: Sequence[Plane], must: bool = False) -> bool:
        """Whether the picture at lecture time `at_ns` is to be encoded; if so, remembers it.

        The planes must stay as they are until the next one is wanted. No planes (a format nobody
        looks into) is always wanted. `must`: it opens a segment.
        """
        due = self._fragment_ns is None or fragment_full(self._fragment_ns, at_ns - ROUNDING_NS)
        self._phase = (self._phase + 1) % STEP
        if not (must or due or changed(self._last, planes, self._phase)):
            return False
        if must or due:
            self._fragment_ns = at_ns
        self._last = list(planes)
        return True


def changed(before: Sequence[Plane], now: Sequence[Plane], phase: int = 0) -> bool:
    """Whether two pictures differ by more than noise, looking at every fourth row from `phase`."""
    if not now or [p.shape for p in before] != [p.shape for p in now]:
        return True
    return any(_differs(a[phase::STEP], b[phase::STEP]) for a, b in zip(before, now, strict=True))


def _differs(a: Plane, b: Plane) -> bool:
    difference = np.maximum(a, b)
    difference -= np.minimum(a, b)
    # Most rows of a still picture are equal to the bit, or nearly so: cells only where they matter.
    if difference.size == 0 or difference.max() <= MEAN:
        return False
    rows, columns = (
        -(-side // n) * n for side, n in zip(difference.shape, (STEP, CELL), strict=True)
    )
    if (rows, columns) != difference.shape:
        grown = np.zeros((rows, columns), np.uint8)
        grown[: difference.shape[0], : difference.shape[1]] = difference
        difference = grown
    if bool((_cells(difference) > MEAN * STEP * CELL).any()):
        return True
    peaks = (difference > PEAK).view(np.uint8)
    return bool(peaks.any()) and bool((_cells(peaks) >= PEAKS).any())


def _cells(values: Plane) -> NDArray[np.uint16]:
    """The sum of each cell."""
    bands = values.reshape(values.shape[0] // STEP, STEP, values.shape[1])
    sums = bands[:, 0].astype(np.uint16)
    for row in range(1, STEP):
        sums += bands[:, row]
    width = CELL
    while width > 1:
        sums = sums[:, ::2] + sums[:, 1::2]
        width //= 2
    return sums
