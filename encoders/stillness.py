"""Is this picture the same as the last one that was encoded? Pure: no clock, no I/O, no codec.

Slides and screens stand still for minutes. What has not changed is not encoded again, except when
the open fragment is due: a fragment closes only when the next packet comes. A blinking cursor is a
change, the noise of a grabber or of JPEG is not. A false "changed" costs a few bytes, a false
"same" is put right by the next fragment.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
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
#: A change of fewer cells is a pointer, a cursor or a letter typed; a pointer of 48 pixels that
#: moves takes 1 of 300. Such changes need not be shown more often than 15 times a second.
SMALL = 1 / 200
SMALL_GAP_NS = 60_000_000
#: The muxer counts in 1/90 000 s; a picture is repeated only when it surely sees a full fragment.
ROUNDING_NS = 25_000
#: Key frames of a still track: its segments are as long. Nothing is less safe for that, each
#: fragment is synced; and a player that seeks decodes at most so many pictures, of which most
#: are nearly the one before.
STILL_SEGMENT_NS = 120 * SECOND
STILL_PICTURES = 600


class Stillness:
    """Follows one track; remembers the last picture that was to be encoded."""

    def __init__(self) -> None:
        self._last: list[Plane] = []
        self._last_ns = 0
        self._phase = 0
        self._fragment_ns: int | None = None

    def wants(self, at_ns: int, planes: Sequence[Plane], must: bool = False) -> bool:
        """Whether the picture at lecture time `at_ns` is to be encoded; if so, remembers it.

        The planes must stay as they are until the next one is wanted. No planes (a format nobody
        looks into) is always wanted. `must`: it opens a segment.
        """
        due = self._fragment_ns is None or fragment_full(self._fragment_ns, at_ns - ROUNDING_NS)
        self._phase = (self._phase + 1) % STEP
        if must or due:
            self._fragment_ns = at_ns
        elif not self._shows(at_ns, change(self._last, planes, self._phase)):
            return False
        self._last, self._last_ns = list(planes), at_ns
        return True

    def _shows(self, at_ns: int, share: float) -> bool:
        """A change that is passed over now is still one at the next picture, unless it is gone."""
        return share > SMALL or (share > 0 and at_ns - self._last_ns >= SMALL_GAP_NS)


def change(before: Sequence[Plane], now: Sequence[Plane], phase: int = 0) -> float:
    """How much of the picture differs by more than noise, looking at every fourth row from `phase`.

    1.0 for pictures that cannot be compared; else the share of the plane that differs most.
    """
    if not now or [p.shape for p in before] != [p.shape for p in now]:
        return 1.0
    return max(_share(a[phase::STEP], b[phase::STEP]) for a, b in zip(before, now, strict=True))


def _share(a: Plane, b: Plane) -> float:
    # Most rows of a still picture are equal to the bit, or nearly so: cells only where they matter.
    if a.size == 0 or cv2.norm(a, b, cv2.NORM_INF) <= MEAN:
        return 0.0
    difference = _whole_cells(np.asarray(cv2.absdiff(a, b), np.uint8))
    differs = _cells(difference) > MEAN * STEP * CELL
    peaks = (difference > PEAK).view(np.uint8)
    if peaks.any():
        differs |= _cells(peaks) >= PEAKS
    return float(np.count_nonzero(differs)) / differs.size


def _whole_cells(difference: Plane) -> Plane:
    rows, columns = (
        -(-side // n) * n for side, n in zip(difference.shape, (STEP, CELL), strict=True)
    )
    if (rows, columns) == difference.shape:
        return difference
    grown = np.zeros((rows, columns), np.uint8)
    grown[: difference.shape[0], : difference.shape[1]] = difference
    return grown


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
