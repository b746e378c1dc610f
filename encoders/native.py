"""Hardware encoders that the codec library inside this process can reach: NVENC, AMF, V4L2.

They run in the recorder itself, so pictures cross no process border. What goes wrong in them
becomes an EncoderError; a driver that crashes or hangs takes the recorder along, and the
supervisor sees that.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from encoders.canvas import Canvas, black
from encoders.encoder import GOP_S, NANO, VIDEO_SCALE, AnyPacket, EncoderError, VideoSpec
from encoders.ffmpeg_command import NEXT
from encoders.passthrough import PassThrough, open_pass_through

#: Black pictures that an encoder may swallow before its first packet.
_MOST_BLACK = 16


class NativeEncoder:
    """The Encoder protocol around one of FFmpeg's hardware encoders.

    Some (V4L2) tell their parameters only in the first packet. So black pictures, stamped in the
    first ticks of the lecture's spare second, go in until one comes out.
    """

    def __init__(
        self,
        name: str,
        spec: VideoSpec,
        options: Mapping[str, str],
        *,
        global_header: bool = True,
    ) -> None:
        self.name = name
        self._global_header = global_header
        self._spec = spec
        self._size = (spec.width & ~1, spec.height & ~1)
        self._canvas = Canvas(*self._size, spec.full_range_in)
        self._last = -1
        self._first = 0
        self._fresh = True
        #: Frames whose stamp did not advance.
        self.refused = 0
        try:
            self._stream, self._context = self._open(name, options)
            self._through = self._parameters(spec.codec)
        except (av.FFmpegError, ValueError) as error:
            raise self._error("does not open", error) from error

    @property
    def template(self) -> Stream:
        return self._through.template if self._through else self._stream

    @property
    def extradata(self) -> bytes:
        return bytes(self.template.codec_context.extradata or b"")

    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]:
        if not isinstance(frame, VideoFrame) or frame.pts is None:
            raise EncoderError(
                "a picture encoder takes stamped pictures only", "Check the track's source."
            )
        pts = round(frame.pts * (frame.time_base or NANO) * VIDEO_SCALE)
        if pts <= self._last:
            self.refused += 1
            return []
        key = frame.pict_type == PictureType.I or self._fresh
        self._first = pts if self._fresh else self._first
        self._last, self._fresh = pts, False
        return self._give(self._canvas.paint(frame), pts, key)

    def flush(self) -> list[AnyPacket]:
        try:
            return self._wanted(list(self._context.encode(None)))
        except (av.FFmpegError, ValueError) as error:
            raise self._error("has failed", error) from error

    def _open(self, name: str, options: Mapping[str, str]) -> tuple[Stream, VideoCodecContext]:
        fps = self._spec.fps if self._spec.fps > 0 else 30.0
        self._stem = av.open(io.BytesIO(), "w", format="mp4")
        stream = self._stem.add_stream(name, rate=Fraction(fps).limit_denominator(1001))
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self._size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, VIDEO_SCALE)
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.gop_size = max(1, math.ceil(fps * GOP_S))
        context.max_b_frames = 0
        if self._global_header:
            context.flags |= Flags.global_header
        context.options = dict(options)
        context.open()
        if context.extradata:
            self._stem.start_encoding()
        return stream, context

    def _parameters(self, codec: str) -> PassThrough | None:
        """None when the encoder has told its parameters at its opening, as most do."""
        if self._context.extradata:
            return None
        for number in range(_MOST_BLACK):
            for packet in self._send(black(*self._size), number, number == 0):
                return open_pass_through(_plain(packet), codec)
        raise ValueError(f"no packet for {_MOST_BLACK} pictures")

    def _give(self, picture: VideoFrame, pts: int, key: bool) -> list[AnyPacket]:
        try:
            return self._wanted(self._send(picture, pts, key))
        except (av.FFmpegError, ValueError) as error:
            raise self._error("has failed", error) from error

    def _send(self, picture: VideoFrame, pts: int, key: bool) -> list[AnyPacket]:
        picture.pts, picture.time_base = pts, Fraction(1, VIDEO_SCALE)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        return list(self._context.encode(picture))

    def _wanted(self, packets: list[AnyPacket]) -> list[AnyPacket]:
        """Without those of the black pictures."""
        return [p for p in packets if p.pts is not None and p.pts >= self._first]

    def _error(self, what: str, error: Exception) -> EncoderError:
        words = str(error)
        if isinstance(error, av.FFmpegError):
            words = str(error.log[-1]).strip() if error.log else error.strerror or words
        return EncoderError(f"{self.name} {what}: {words}", NEXT)


def _plain(packet: AnyPacket) -> AnyPacket:
    """Without its stream, which is our own and knows no parameters."""
    plain: AnyPacket = Packet(bytes(packet))
    plain.is_keyframe = packet.is_keyframe
    return plain
