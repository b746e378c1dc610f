"""One input of libavformat, read by packets: shared by cameras, streams, screens and files.

It knows nothing of devices: errors of the library pass through as they are, and the source that
owns the input says what they mean. Packets are handed out as copies that own their bytes: those of
the V4L2 demuxer point into the driver's buffers, which vanish when the device is closed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import av
from av.container import InputContainer

from capture.source import NS, TIME_BASE, DeviceLost, Packet, clean_picture

Seconds = tuple[float, float]  # to open, to read
LavfError: TypeAlias = OSError | av.error.FFmpegError
LAVF_ERRORS = (OSError, av.error.FFmpegError)


class Input:
    """An open container of which one stream is read."""

    def __init__(
        self,
        url: str,
        form: str | None,
        options: Mapping[str, str],
        media: Literal["video", "audio"] = "video",
        patience: Seconds | None = None,
    ) -> None:
        self._url, self._form, self._options = url, form, dict(options)
        self._media, self._patience = media, patience
        self._container: InputContainer | None = None
        self._packets: Iterator[Packet] = iter(())
        self._reading = threading.Lock()
        self._closing = False

    def open(self) -> Any:
        """Open and return the stream, or None when there is none. Raises FFmpegError, OSError."""
        container = av.open(
            self._url, format=self._form, options=self._options, timeout=self._patience
        )
        self._container = container
        found = container.streams.video if self._media == "video" else container.streams.audio
        if not found:
            return None
        stream: Any = found[0]
        if stream.codec_context is not None:
            stream.codec_context.thread_count = 1  # frame threads would hold pictures back
        self._packets = container.demux(stream)
        return stream

    def read(self) -> Packet | None:
        """The next packet, None at the end. Its stamps are the input's own."""
        with self._reading:
            if self._closing:
                self._release()
                raise DeviceLost("the source was closed")
            try:
                return next((packet for packet in self._packets if packet.size), None)
            finally:
                if self._closing:
                    self._release()

    def rewind(self) -> None:
        """Back to the start of a file."""
        if self._container is not None:
            self._container.seek(0)
            stream = getattr(self._container.streams, self._media)[0]
            self._packets = self._container.demux(stream)

    def close(self) -> None:
        """Close now, or after the read that is under way, which the library needs."""
        self._closing = True
        if self._reading.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._reading.release()

    def _release(self) -> None:
        self._packets = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None


def stamped(packet: Packet, pts: int, dts: int, base: Any = None) -> Packet:
    """A copy of the packet that owns its bytes and carries monotonic nanoseconds.

    `base`: the packet's time base, for who has it at hand.
    """
    copy: Packet = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.time_base = pts, dts, TIME_BASE
    copy.is_keyframe = packet.is_keyframe
    duration = packet.duration
    if duration and (base := base or packet.time_base):
        copy.duration = nanoseconds(duration, base)
    return copy


def nanoseconds(value: int, time_base: Any) -> int:
    return int(value * time_base.numerator * NS // time_base.denominator)


class PictureDecoder:
    """Pictures of packets. For H.264 it waits for a keyframe, also after a damaged packet."""

    def __init__(self, stream: Any) -> None:
        self._codec: Any = stream.codec_context
        self._alone = self._codec.name in ("mjpeg", "rawvideo")
        self._ready = self._alone
        if not self._alone and not self._codec.has_b_frames:
            self._codec.flags |= int(av.codec.context.Flags.low_delay)

    def decode(self, packet: Packet) -> list[av.VideoFrame]:
        """[] for what cannot be decoded: a damaged picture is the camera's business, not an end."""
        if not (self._ready or packet.is_keyframe):
            return []
        try:
            frames = self._codec.decode(packet)
        except av.error.InvalidDataError:
            self._ready = self._alone
            return []
        self._ready = True
        return [
            clean_picture(frame, (packet.pts if self._alone else frame.pts) or 0)
            for frame in frames
        ]
