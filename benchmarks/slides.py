"""A screen with lecture slides, as an HDMI grabber delivers it: raw YUYV pictures on stdout.

One slide for 30 s; the pointer moves during two stretches of 3 s of each. The picture is a function
of its number alone, so every program that reads it reads the same.

Run: python -m benchmarks.slides [SECONDS] [NOISE] > pipe
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 1920, 1080, 30
SLIDE_S = 30
#: Seconds of each slide during which the pointer moves.
MOVING = ((5, 8), (18, 21))
MEDIA = Path(__file__).parent / "media"
#: Luma of a pointer 12 pixels wide and 19 high: black with a white edge; 0 is transparent.
POINTER_SIZE = (19, 12)
NOISE_FIELDS = 7


def pointer() -> tuple[Bytes, NDArray[np.bool_]]:
    """The arrow's luma, and where it covers what is below."""
    rows, columns = np.mgrid[: POINTER_SIZE[0], : POINTER_SIZE[1]]
    inside = columns <= np.minimum(rows, 18 - rows + 6)
    edge = (columns == 0) | (columns == rows) | (rows == 18)
    return np.where(edge, 235, 16).astype(np.uint8), inside


def position(number: int) -> tuple[int, int]:
    """Row and column of the pointer in picture `number`; it rests where it stopped."""
    second = number / FPS % SLIDE_S
    moved = sum(min(max(second - start, 0), end - start) for start, end in MOVING)
    turn = moved / 6 * math.tau + number // (FPS * SLIDE_S)
    return int(540 + 380 * math.sin(turn)), int(960 + 700 * math.cos(turn * 0.7)) & ~1


class Slides:
    """Pictures by their number."""

    def __init__(self, noise: float = 0.0) -> None:
        self._slides = [_yuyv(path) for path in sorted(MEDIA.glob("slide*.png"))]
        self._luma, self._inside = pointer()
        random = np.random.default_rng(1)
        shape = (HEIGHT, 2 * WIDTH)
        self._noise = (
            [np.rint(random.normal(0, noise, shape)).astype(np.int16) for _ in range(NOISE_FIELDS)]
            if noise
            else []
        )

    def picture(self, number: int) -> Bytes:
        """1080 rows of 3840 bytes: Y U Y V …"""
        slide = self._slides[number // (FPS * SLIDE_S) % len(self._slides)].copy()
        row, column = position(number)
        high, wide = POINTER_SIZE
        patch = slide[row : row + high, 2 * column : 2 * (column + wide) : 2]
        patch[self._inside] = self._luma[self._inside]
        if self._noise:
            noisy = slide + self._noise[number % NOISE_FIELDS]
            return np.clip(noisy, 16, 235).astype(np.uint8)
        return slide


def _yuyv(path: Path) -> Bytes:
    """TV range, BT.601: what a grabber says nothing about."""
    rgb = cv2.imread(str(path))
    assert rgb is not None, path
    planar = cv2.cvtColor(rgb, cv2.COLOR_BGR2YUV_I420)
    luma = planar[:HEIGHT]
    chroma = planar[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2).repeat(2, axis=1)
    out = np.empty((HEIGHT, 2 * WIDTH), np.uint8)
    out[:, 0::2], out[:, 1::4], out[:, 3::4] = luma, chroma[0], chroma[1]
    return out


def main(argv: list[str]) -> None:
    seconds = int(argv[0]) if argv else 120
    slides = Slides(float(argv[1]) if len(argv) > 1 else 0.0)
    still, last = b"", (-1, (0, 0))
    for number in range(seconds * FPS):
        shown = (number // (FPS * SLIDE_S), position(number))
        if shown != last or len(argv) > 1:
            still, last = slides.picture(number).tobytes(), shown
        sys.stdout.buffer.write(still)


if __name__ == "__main__":
    main(sys.argv[1:])
