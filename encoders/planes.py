"""A picture's planes as arrays, without converting or copying."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from encoders.stillness import Plane

#: Formats of 8 bits per component: a row of memory is a row of the picture. Bytes of a pixel.
_PACKED = {"yuyv422": 2, "uyvy422": 2, "rgb24": 3, "bgr24": 3}
_PACKED |= dict.fromkeys(("bgr0", "rgb0", "0rgb", "0bgr", "bgra", "rgba"), 4)
_PLANAR = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"}


def planes(frame: VideoFrame) -> list[Plane]:
    """Views that keep the picture alive; none for a format that is not looked into."""
    name = frame.format.name
    if name not in _PACKED and name not in _PLANAR and name != "nv12":
        return []
    return [_plane(frame, index, name) for index in range(len(frame.planes))]


def _plane(frame: VideoFrame, index: int, name: str) -> Plane:
    plane = frame.planes[index]
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    pixel = _PACKED.get(name, 2 if name == "nv12" and index else 1)
    return rows[: plane.height, : plane.width * pixel]
