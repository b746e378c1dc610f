"""What a source is: an opened device that yields samples stamped in monotonic nanoseconds.

This module holds the words that all kinds of sources share, and the one factory. It never does I/O:
`open_source` only picks a class; the device is touched in `Source.open()` and later.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeAlias

import av
from av.video.frame import PictureType

from capture.units import UnitPacket

NS = 1_000_000_000
TIME_BASE = Fraction(1, NS)

Packet: TypeAlias = "av.Packet[Any]"
Coded: TypeAlias = "av.Packet[Any] | UnitPacket"
Sample: TypeAlias = "av.VideoFrame | av.AudioFrame | Coded"
Frame: TypeAlias = "av.VideoFrame | av.AudioFrame"
#: For `isinstance`.
CODED = (av.Packet, UnitPacket)
Delivers: TypeAlias = Literal["frames", "mjpeg", "raw", "h264"]


class SourceError(Exception):
    """A source cannot give samples. `reason` says what is wrong, `hint` what a person can do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class DeviceMissing(SourceError):
    """The device is not there at all."""


class DeviceBusy(SourceError):
    """Another program holds the device."""


class NoUsableMode(SourceError):
    """The device is there but offers nothing of what was asked for."""


class NotMedia(SourceError):
    """What answers is not a camera, microphone, stream or file that can be read."""


class DeviceLost(SourceError):
    """A device that was running went away, failed, or fell silent."""


class DeviceSilent(DeviceLost):
    """A device that is still there delivers nothing: a grabber without a signal, a hung driver."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Which device is wanted, and how. `None` means: the best the device offers."""

    kind: str  # v4l2 | rtsp | screen | microphone | file | synthetic
    device: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None
    format: str | None = None  # mjpeg | raw | h264
    options: Mapping[str, str] = field(default_factory=dict)
    #: If known: the device that `device` has meant so far. Another one is refused.
    identity: str = ""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What an opened source really gives. `identity` is the same text for the same device."""

    media: Literal["video", "audio"]
    description: str
    identity: str
    width: int = 0
    height: int = 0
    fps: float = 0.0
    pix_fmt: str = ""
    codec: str = ""
    sample_rate: int = 0
    channels: int = 0
    delivers: Delivers = "frames"
    full_range: bool = False
    extradata: bytes = b""  # parameter sets of a delivered H.264 stream, when it has them apart
    bursts: bool = False  # a few times a second it gives all that has come, and nothing in between


class Source(Protocol):
    """One device, one stream. Used by one thread, except `close`."""

    def open(self) -> SourceInfo:
        """Take the device. Raises SourceError."""

    def read(self) -> Sample:
        """Block until the next sample: pts (and dts) in monotonic ns. Raises SourceError."""

    def decode(self, sample: Sample) -> list[Frame]:
        """Pictures or sound of a sample, pts kept. [] until H.264 has met a keyframe."""

    def close(self) -> None:
        """Let the device go. Idempotent; may come from another thread while `read` blocks."""


_CLASSES = {
    "v4l2": ("capture.v4l2", "V4l2Source"),
    "rtsp": ("capture.rtsp", "RtspSource"),
    "screen": ("capture.screen", "ScreenSource"),
    "microphone": ("capture.microphone", "MicrophoneSource"),
    "file": ("capture.file", "FileSource"),
    "synthetic": ("capture.synthetic", "SyntheticSource"),
}


def open_source(spec: SourceSpec) -> Source:
    """The source for `spec`, not opened yet. Heavy modules are imported only for their own kind."""
    try:
        module, name = _CLASSES[spec.kind]
    except KeyError:
        kinds = ", ".join(sorted(_CLASSES))
        raise NotMedia(
            f"there is no kind of source called {spec.kind!r}", f"use one of {kinds}"
        ) from None
    source: Source = getattr(importlib.import_module(module), name)(spec)
    return source


def clean_picture(frame: av.VideoFrame, pts: int) -> av.VideoFrame:
    """Stamp a decoded picture. Its type is reset: an encoder would obey the "I" of MJPEG."""
    frame.pts = pts
    frame.time_base = TIME_BASE
    frame.pict_type = PictureType.NONE
    return frame
