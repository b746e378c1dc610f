"""Small JPEG pictures of a frame, for the preview and the thumbnail; and what a picture is like."""

from __future__ import annotations

from dataclasses import dataclass

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
#: So many points are compared as they are, noise and all. It is the noise that tells a live sensor
#: from a picture that is delivered again and again: 0.06 levels at the least, in a clean sensor's
#: picture behind a coarse JPEG, and nothing at all in the same picture.
POINTS_WIDTH, POINTS_HEIGHT = 160, 90
#: A part is like most others within so many levels.
ALIKE_BY = 6

Outline = NDArray[np.int16]
Points = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a picture is like, in levels of 255."""

    luma: float
    #: Between its parts (standard deviation); noise is not in it.
    spread: float
    #: Share of the parts that are like most of them.
    plain: float
    #: Between its points and those of the picture before (mean); None for the first.
    change: float | None


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


def points(frame: av.VideoFrame) -> Points:
    """The brightness of single points of a picture."""
    small = frame.reformat(
        width=POINTS_WIDTH, height=POINTS_HEIGHT, format="gray", interpolation="POINT"
    )
    return small.to_ndarray().astype(np.int16)


def sight(parts: Outline, now: Points, before: Points | None) -> Sight:
    """Of a picture, by its outline and points. Pure."""
    alike = np.abs(parts - np.median(parts)) <= ALIKE_BY
    return Sight(
        luma=float(parts.mean()),
        spread=float(parts.std()),
        plain=float(alike.mean()),
        change=None if before is None else float(np.abs(now - before).mean()),
    )


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
