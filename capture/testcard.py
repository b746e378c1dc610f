"""The synthetic camera's picture: drifting stripes, a running clock, a frame number, a flash.

Frame n begins at n/fps of the monotonic clock, so the drawn number also tells the instant.
The number stands as 32 black or white blocks in the top left corner (lowest bit first) and survives
lossy encoding; the patch in the bottom left corner is white in the frame that meets a whole second.
Pure apart from the arrays: no clock is read here.
"""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from capture.source import NS, clean_picture

BLOCK = 8  # pixels; as in the fake V4L2 camera of the tests
BITS = 32
BLACK, WHITE = 16, 235

Luma = NDArray[np.uint8]


class TestCard:
    """Draws the frames. Only what moves is drawn again: the rest is copied row by row."""

    __test__ = False

    def __init__(self, width: int, height: int, fps: float) -> None:
        self._width, self._height, self._fps = width, height, fps
        self._block = block_size(width)
        x = np.arange(2 * width, dtype=np.int64)
        wave = 110 + 50 * np.sin(x * (2 * np.pi * 4 / width))
        shade = np.linspace(0, 40, height)[:, None]
        self._stripes: Luma = (wave[None, :] + shade).astype(np.uint8)
        ramp = np.linspace(90, 166, (width + 1) // 2).astype(np.uint8)
        self._chroma: Luma = np.broadcast_to(ramp, ((height + 1) // 2, ramp.size)).copy()
        self._clock_text = ""
        self._clock: Luma = np.zeros((max(8, height // 8), max(16, width // 3)), np.uint8)

    def start(self, n: int) -> int:
        return round(n * NS / self._fps)

    def due(self, n: int) -> int:
        return self.start(n)

    def number(self, at_ns: int) -> int:
        return int(at_ns * self._fps / NS)

    def make(self, n: int, dark: bool) -> av.VideoFrame:
        frame = av.VideoFrame(self._width, self._height, "yuv420p")
        luma, u, v = (plane_array(frame, i) for i in range(3))
        if dark:
            luma[:], u[:], v[:] = BLACK, 128, 128
        else:
            shift = (n * 2) % (self._width // 4)
            luma[:] = self._stripes[:, shift : shift + self._width]
            u[:], v[:] = self._chroma, self._chroma[:, ::-1]
            self._draw_clock(luma, n)
        self._draw_number(luma, u, v, n)
        self._draw_flash(luma, n)
        return clean_picture(frame, self.start(n))

    def _draw_number(self, luma: Luma, u: Luma, v: Luma, n: int) -> None:
        size = self._block
        bits = (n & 0xFFFFFFFF) >> np.arange(BITS) & 1
        row = np.repeat(np.where(bits == 1, WHITE, BLACK).astype(np.uint8), size)
        luma[:size, : row.size] = row
        for plane in (u, v):
            plane[: size // 2, : row.size // 2] = 128

    def _draw_flash(self, luma: Luma, n: int) -> None:
        white = self.start(n) // NS != self.start(n - 1) // NS
        luma[flash_patch(self._width, self._height)] = WHITE if white else BLACK

    def _draw_clock(self, luma: Luma, n: int) -> None:
        tenths = self.start(n) // (NS // 10)
        hours, minutes, seconds = tenths // 36000 % 24, tenths // 600 % 60, tenths // 10 % 60
        text = f"{hours:02}:{minutes:02}:{seconds:02}.{tenths % 10}"
        high, wide = self._clock.shape
        if text != self._clock_text:
            self._clock_text = text
            self._clock[:] = 40
            scale = high / 40
            font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(scale * 2))
            cv2.putText(self._clock, text, (high // 4, high * 3 // 4), font, scale, 230, thick)
        top, left = (self._height - high) // 2, (self._width - wide) // 2
        if top > 0 and left > 0:
            luma[top : top + high, left : left + wide] = self._clock


def block_size(width: int) -> int:
    return BLOCK if width >= BITS * BLOCK else width // BITS


def flash_patch(width: int, height: int) -> tuple[slice, slice]:
    return slice(height - height // 8, height), slice(0, width // 8)


def plane_array(frame: av.VideoFrame, index: int) -> Luma:
    """A view of one 8-bit plane's visible part (writing to it changes the frame)."""
    plane: Any = frame.planes[index]
    rows: Luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def read_number(frame: av.VideoFrame) -> int:
    """The frame number drawn in a picture, also after lossy encoding at the same size."""
    luma = _luma(frame)
    size = block_size(frame.width)
    blocks = luma[:size, : BITS * size].astype(np.float64).reshape(size, BITS, size)
    edge = size // 4
    middle = blocks[edge : size - edge, :, edge : size - edge].mean(axis=(0, 2))
    return int(((middle > 126).astype(np.int64) << np.arange(BITS)).sum())


def is_flash(frame: av.VideoFrame) -> bool:
    """Whether the white patch of the whole second is lit."""
    return bool(_luma(frame)[flash_patch(frame.width, frame.height)].mean() > 126)


def _luma(frame: av.VideoFrame) -> Luma:
    if (
        not frame.format.name.startswith(("yuv4", "yuvj4", "nv12"))
        or "yuv420p1" in frame.format.name
    ):
        frame = frame.reformat(format="yuv420p")
    return plane_array(frame, 0)
