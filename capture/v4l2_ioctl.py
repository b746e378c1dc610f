"""Asking a V4L2 node who it is and which modes it offers, with the kernel's own ioctls.

Layouts and numbers are those of linux/videodev2.h (the same on every 64-bit machine). Nothing is
set here: the node is opened, asked and closed, also while another program records from it.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.modes import Mode

CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
CAN_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE
HAS_DEVICE_CAPS = 0x80000000
DISCRETE = 1
MOST = 128  # answers to one question; a driver that never says "no more" is not believed

RAW = {
    b"YUYV": "yuyv422",
    b"UYVY": "uyvy422",
    b"YVYU": "yvyu422",
    b"NV12": "nv12",
    b"NV21": "nv21",
    b"YU12": "yuv420p",
    b"422P": "yuv422p",
    b"RGB3": "rgb24",
    b"BGR3": "bgr24",
    b"GREY": "gray",
}
COMPRESSED = {b"MJPG": "mjpeg", b"JPEG": "mjpeg", b"H264": "h264"}

# Where a driver gives a range instead of a list, these are tried.
SIZES = ((320, 240), (640, 360), (640, 480), (800, 600), (1280, 720), (1920, 1080), (3840, 2160))
RATES = (5.0, 10.0, 15.0, 24.0, 25.0, 30.0, 50.0, 60.0)


def request(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


_CAPABILITY = struct.Struct("=16s32s32sIII12x")
_FMTDESC = struct.Struct("=III32s4sI12x")
_FRMSIZE = struct.Struct("=I4sI6I8x")
_FRMIVAL = struct.Struct("=I4sIII6I8x")
QUERYCAP = request(2, 0, _CAPABILITY.size)
ENUM_FMT = request(3, 2, _FMTDESC.size)
ENUM_FRAMESIZES = request(3, 74, _FRMSIZE.size)
ENUM_FRAMEINTERVALS = request(3, 75, _FRMIVAL.size)


@dataclass(frozen=True, slots=True)
class Node:
    """A video node's answer. `bus` names the port it is plugged into."""

    path: str
    driver: str
    card: str
    bus: str
    captures: bool
    modes: tuple[Mode, ...]


def ask(path: str) -> Node:
    """All about one node. Raises OSError: ENOENT, ENODEV, EACCES, ENOTTY (not a video device)."""
    with opened(path) as fd:
        driver, card, bus, _, caps, own = _CAPABILITY.unpack(_ioctl(fd, QUERYCAP, _CAPABILITY.size))
        mine = own if caps & HAS_DEVICE_CAPS else caps
        captures = bool(mine & CAN_CAPTURE)
        return Node(
            path=path,
            driver=_text(driver),
            card=_text(card),
            bus=_text(bus),
            captures=captures,
            modes=tuple(_modes(fd)) if captures else (),
        )


def _modes(fd: int) -> Iterator[Mode]:
    for fourcc in _formats(fd):
        form = COMPRESSED.get(fourcc, "raw")
        pixel = RAW.get(fourcc, "")
        if form == "raw" and not pixel:
            continue  # depth maps, sensor data: nothing that can be recorded as a picture
        for width, height in _sizes(fd, fourcc):
            for fps in _rates(fd, fourcc, width, height):
                yield Mode(form, width, height, fps, pixel)


def _formats(fd: int) -> Iterator[bytes]:
    for index in range(MOST):
        answer = _next(fd, ENUM_FMT, _FMTDESC, index, CAPTURE, 0, b"", b"", 0)
        if answer is None:
            return
        yield bytes(answer[4])


def _sizes(fd: int, fourcc: bytes) -> Iterator[tuple[int, int]]:
    for index in range(MOST):
        answer = _next(fd, ENUM_FRAMESIZES, _FRMSIZE, index, fourcc, 0, *[0] * 6)
        if answer is None:
            return
        kind, *sizes = answer[2:]
        if kind != DISCRETE:
            yield from _sizes_between(*sizes)
            return
        yield sizes[0], sizes[1]


def _sizes_between(
    low_w: int, high_w: int, step_w: int, low_h: int, high_h: int, step_h: int
) -> Iterator[tuple[int, int]]:
    for width, height in dict.fromkeys((*SIZES, (high_w, high_h))):
        fits = low_w <= width <= high_w and low_h <= height <= high_h
        steps = (width - low_w) % (step_w or 1) == 0 and (height - low_h) % (step_h or 1) == 0
        if fits and steps:
            yield width, height


def _rates(fd: int, fourcc: bytes, width: int, height: int) -> Iterator[float]:
    for index in range(MOST):
        answer = _next(fd, ENUM_FRAMEINTERVALS, _FRMIVAL, index, fourcc, width, height, 0, *[0] * 6)
        if answer is None:
            if index == 0:
                yield 30.0  # many grabbers do not say; the driver then decides
            return
        kind, num, den, longest_num, longest_den = answer[4:9]
        if kind == DISCRETE:
            yield round(den / num, 3) if num else 30.0
            continue
        low, high = longest_den / (longest_num or 1), den / (num or 1)
        yield from (fps for fps in RATES if low <= fps <= high)
        return


def _next(
    fd: int, request: int, layout: struct.Struct, *fields: int | bytes
) -> tuple[Any, ...] | None:
    try:
        return layout.unpack(_ioctl(fd, request, layout.size, layout.pack(*fields)))
    except OSError:
        return None  # EINVAL: no more; ENOTTY: this driver cannot tell


def _ioctl(fd: int, request: int, size: int, question: bytes = b"") -> bytes:
    buffer = bytearray(question.ljust(size, b"\0"))
    fcntl.ioctl(fd, request, buffer, True)
    return bytes(buffer)


@contextmanager
def opened(path: str) -> Iterator[int]:
    fd = os.open(Path(path), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
