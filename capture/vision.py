"""Small JPEG pictures of a frame, for the preview and the thumbnail."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

PREVIEW_WIDTH = 640
QUALITY = 80


def preview_jpeg(
    frame: av.VideoFrame, width: int = PREVIEW_WIDTH, full_range: bool = False
) -> bytes:
    """JPEG bytes, at most `width` pixels wide, never enlarged. For `full_range` see SourceInfo."""
    picture = _small(frame, width, full_range)
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not good:
        raise ValueError(f"no JPEG of a {frame.width}×{frame.height} picture")
    return bytes(data)


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
