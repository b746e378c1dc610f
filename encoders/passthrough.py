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
        scale = (frame.time_base or NANO) * VIDEO_SCALE
        pts = round(frame.pts * scale)
        dts = pts if frame.dts is None else round(frame.dts * scale)
        self._started = self._started or frame.is_keyframe
        if not self._started or dts <= self._last:
            self.refused += 1
            return []
        self._last = dts
        packet: AnyPacket = Packet(bytes(frame))
        packet.time_base = Fraction(1, VIDEO_SCALE)
        packet.pts, packet.dts = pts, dts
        packet.duration = round((frame.duration or 0) * scale)
        packet.is_keyframe = frame.is_keyframe
        return [packet]

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
