"""Small JPEG pictures of a frame, for the preview and the thumbnail."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

PREVIEW_WIDTH = 640
QUALITY = 80
#: An outline has so many cells; the noise of a sensor averages out in each.
OUTLINE_WIDTH, OUTLINE_HEIGHT = 32, 18
#: Levels of 255 by which a cell must change, beyond what the whole picture does (a lamp, the
#: exposure), and how many cells must: a head is about that large.
MOVED_BY = 10
MOVED_CELLS = 2

Outline = NDArray[np.int16]


def preview_jpeg(
    frame: av.VideoFrame, width: int = PREVIEW_WIDTH, full_range: bool = False
) -> bytes:
    """JPEG bytes, at most `width` pixels wide, never enlarged. For `full_range` see SourceInfo."""
    picture = _small(frame, width, full_range)
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not good:
        raise ValueError(f"no JPEG of a {frame.width}×{frame.height} picture")
    return bytes(data)


def outline(frame: av.VideoFrame) -> Outline:
    """The brightness of a picture's parts."""
    small = frame.reformat(
        width=OUTLINE_WIDTH, height=OUTLINE_HEIGHT, format="gray", interpolation="AREA"
    )
    return small.to_ndarray().astype(np.int16)


def moved(before: Outline, now: Outline) -> bool:
    """Whether something in the picture has moved, or a slide has changed. Pure."""
    change = now - before
    return int((np.abs(change - np.median(change)) > MOVED_BY).sum()) >= MOVED_CELLS


def _small(frame: av.VideoFrame, width: int, full_range: bool) -> NDArray[np.uint8]:
    scale = min(1.0, width / frame.width)
    wide, high = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    source = ColorRange.JPEG if full_range or "yuvj" in frame.format.name else None
    small = frame.reformat(
        width=wide,
        height=high,
        format="bgr24",
        src_color_range=source,
        interpolation="AREA",
    )
    return np.asarray(small.to_ndarray(), dtype=np.uint8)
