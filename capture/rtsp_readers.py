"""Two ways to read a network camera: our own client, and FFmpeg's for all that is unusual."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import av

from capture.lavf import Input, nanoseconds
from capture.rtsp_client import RtspClient, Unusual
from capture.rtsp_stream import Picture
from capture.source import NS
from capture.units import annex_b, with_lengths

CLOCK = 90_000  # RFC 6184: of H.264 in RTP
_SPS = re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67]")
#: A picture's parameter sets stand at its beginning, behind a delimiter and hints at most.
_HEAD = 2048


@dataclass(frozen=True, slots=True)
class Taken:
    """One coded picture (or JPEG), with times in ns of the camera's own clock."""

    data: bytes  # as `of_units` says: of H.264, each unit behind its length or its start code
    at_ns: int | None  # when it is to be decoded
    ahead_ns: int  # how much later it is to be shown
    key: bool
    arrived_ns: int  # on the monotonic clock
    of_units: bool = False
    more: bool = False  # the next one is there already


class Reader(Protocol):
    """Used by one thread, except `close`."""

    bursts: bool

    def open(self) -> tuple[Any, float]:
        """PyAV's stream, which says what comes and can decode it, or None; its rate, or 0."""

    def read(self) -> Taken | None:
        """None at the end. Raises OSError, FFmpegError; TimeoutError or ExitError for silence."""

    def close(self) -> None: ...


class LibraryReader:
    """FFmpeg's client: every camera that it knows, and every message of its errors."""

    bursts = False

    def __init__(self, url: str, options: Mapping[str, str], open_s: float, silent_s: float):
        self._input = Input(url, "rtsp", options, "video", (open_s, silent_s))
        self._sets = b""

    def open(self) -> tuple[Any, float]:
        stream = self._input.open()
        codec = stream.codec_context if stream is not None else None
        if codec is None:
            return None, 0.0
        self._sets = bytes(codec.extradata or b"") if codec.name == "h264" else b""
        return stream, float(stream.average_rate or stream.guessed_rate or 0)

    def read(self) -> Taken | None:
        packet = self._input.read()
        if packet is None:
            return None
        now_ns = time.monotonic_ns()
        base: Any = packet.time_base  # PyAV makes a new Fraction each time
        pts, dts = packet.pts, packet.dts
        own = dts if dts is not None else pts
        data = with_sets(bytes(packet), self._sets) if packet.is_keyframe else bytes(packet)
        if own is None or base is None:
            return Taken(data, None, 0, packet.is_keyframe, now_ns)
        ahead = nanoseconds(pts - own, base) if pts is not None else 0
        return Taken(data, nanoseconds(own, base), max(0, ahead), packet.is_keyframe, now_ns)

    def close(self) -> None:
        self._input.close()


class DirectReader:
    """Our own client. Raises Unusual, beside OSError, for what must be left to FFmpeg's."""

    bursts = True

    def __init__(self, url: str, open_s: float, silent_s: float) -> None:
        self._client = RtspClient(url, open_s, silent_s)
        self._patience_ns = int(open_s * NS)
        self._sets = b""
        self._first: Taken | None = None

    def open(self) -> tuple[Any, float]:
        track = self._client.open()
        self._sets = track.sets
        until = time.monotonic_ns() + self._patience_ns
        while (picture := self._client.read()) is not None:
            if picture.key or self._sets:
                stream = describe(annex_b(self._sets + picture.data))
                self._sets = self._sets or with_lengths(stream.codec_context.extradata or b"")
                self._first = self._taken(picture)
                return stream, track.fps or float(stream.codec_context.framerate or 0)
            if picture.arrived_ns > until:
                break
        raise Unusual("it gave no key frame")

    def read(self) -> Taken | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        picture = self._client.read()
        return None if picture is None else self._taken(picture)

    def close(self) -> None:
        self._client.close()

    def _taken(self, it: Picture) -> Taken:
        data = self._sets + it.data if it.key and not it.described else it.data
        at_ns, more = it.time * NS // CLOCK, self._client.more
        return Taken(data, at_ns, 0, it.key, it.arrived_ns, of_units=True, more=more)


def describe(picture: bytes) -> Any:
    """The stream that this picture is of, as FFmpeg understands it. Raises Unusual."""
    try:
        container = av.open(io.BytesIO(picture), format="h264")
    except (av.FFmpegError, ValueError) as error:
        raise Unusual(f"its first picture cannot be read: {error}") from error
    stream = container.streams.video[0]
    codec = stream.codec_context
    if not codec.width or codec.pix_fmt is None:
        raise Unusual("its first picture has no size")
    if codec.has_b_frames:
        raise Unusual("its pictures are out of order")
    codec.thread_count = 1  # frame threads would hold pictures back
    return stream


def with_sets(key_frame: bytes, sets: bytes) -> bytes:
    """A key frame that can be decoded alone, also of a camera that describes it apart only."""
    return key_frame if _SPS.search(key_frame, 0, _HEAD) else sets + key_frame
