"""A camera that delivers H.264 (or H.265) itself: its packets are recorded as they are.

Nothing is decoded. Packets before the first key frame are left out, since nobody can decode them.
"""

from __future__ import annotations

import io
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from encoders.encoder import NANO, VIDEO_SCALE, AnyPacket, EncoderError

_BASE = Fraction(1, VIDEO_SCALE)


def ticks(value: int, base: Fraction) -> int:
    """The same time in 90 kHz, to the nearest. In integers: Fractions cost ten times as much."""
    scale = base.denominator
    return (2 * value * base.numerator * VIDEO_SCALE + scale) // (2 * scale)


class PassThrough:
    """Same interface as an encoder; what goes in comes out, restamped."""

    name = "pass-through"

    def __init__(self, template: Stream, keep: object = None) -> None:
        self._stream = template
        self._keep = keep  # The container that the template belongs to.
        self._started = False
        self._last = -1
        #: Packets left out because their time stamp did not advance or no key frame had come.
        self.refused = 0

    @property
    def template(self) -> Stream:
        return self._stream

    @property
    def extradata(self) -> bytes:
        return bytes(self._stream.codec_context.extradata or b"")

    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]:
        if not isinstance(frame, Packet) or frame.pts is None:
            raise EncoderError(
                "pass-through takes stamped packets only", "Check the camera's format."
            )
        base = frame.time_base or NANO
        dts = frame.pts if frame.dts is None else frame.dts
        packet: AnyPacket = Packet(bytes(frame))
        packet.time_base = _BASE
        packet.pts, packet.dts = ticks(frame.pts, base), ticks(dts, base)
        packet.is_keyframe = frame.is_keyframe
        return [packet] if self.takes(packet.dts, packet.is_keyframe) else []

    def takes(self, dts: int, key: bool) -> bool:
        """Whether the packet of this time, in 90 kHz, is wanted; counts those that are not."""
        self._started = self._started or key
        if not self._started or dts <= self._last:
            self.refused += 1
            return False
        self._last = dts
        return True

    def flush(self) -> list[AnyPacket]:
        return []


def open_pass_through(keyframe: AnyPacket, codec: str = "h264") -> PassThrough:
    """A pass-through for the camera that this key frame came from.

    The parameters come from the packet's stream, or, for cameras that send them only in band,
    from the key frame itself.
    """
    if not keyframe.is_keyframe:
        raise EncoderError(
            "recording a camera's own packets starts with a key frame",
            "Wait for the camera's next key frame.",
        )
    stream: Stream | None = keyframe.stream
    if stream is not None and stream.codec_context.extradata:
        return PassThrough(stream)
    try:
        container = av.open(io.BytesIO(bytes(keyframe)), format=codec)
    except (av.FFmpegError, ValueError) as error:
        raise EncoderError(
            f"the camera's key frame cannot be read as {codec}: {error}",
            "Set the camera to another format.",
        ) from error
    template = container.streams.video[0]
    if not template.codec_context.extradata:
        raise EncoderError(
            f"the camera's {codec} key frame carries no parameters",
            "Set the camera to another format.",
        )
    return PassThrough(template, keep=container)
