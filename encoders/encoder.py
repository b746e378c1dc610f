"""Turn pictures and sound into packets. Never touches the disk, a device or the clock.

Time comes in as nanoseconds on the frames and goes out in the encoder's own timescale
(90 000 per second for pictures, 48 000 for sound), so lecture time in is lecture time out.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeAlias

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from encoders.canvas import Canvas
from encoders.resync import FormatChanged, Resync

AnyPacket: TypeAlias = "Packet[Stream]"
NANO = Fraction(1, 1_000_000_000)
VIDEO_SCALE = 90_000
AUDIO_RATE = 48_000
#: Samples in one AAC packet.
AUDIO_FRAME = 1024
#: The encoder's own key frames come at most this often. Segments ask for theirs every 10 s, so
#: this only matters when nobody asks.
GOP_S = 20.0


class EncoderError(Exception):
    """The encoder cannot do what was asked; says why and what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What a picture track is encoded to. An odd width or height is rounded down to even."""

    width: int
    height: int
    fps: float
    codec: str = "h264"
    crf: int = 23
    max_kbps: int | None = None
    full_range_in: bool = False
    #: What most of the pictures come in. Keeping it saves 6 ms of each 1080p picture of a camera;
    #: the file says which it is.
    matrix: Colorspace = Colorspace.ITU709
    #: A track of slides or a screen: pictures come seldom and differ little from one another.
    still: bool = False
    #: How hard x264 and x265 look for ways to save bytes, in their words.
    preset: str = "veryfast"


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """What a sound track is encoded to: AAC-LC, 48 kHz, 1 or 2 channels."""

    channels: int
    kbps: int = 96


class Encoder(Protocol):
    """Frames (or a camera's packets) in, packets out."""

    @property
    def name(self) -> str: ...
    @property
    def template(self) -> Stream:
        """The stream that a muxer copies its parameters from."""
        ...

    @property
    def extradata(self) -> bytes: ...
    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]: ...
    def flush(self) -> list[AnyPacket]:
        """Hand out what is still inside; the encoder takes nothing afterwards."""
        ...


def open_video_encoder(spec: VideoSpec) -> H264Encoder:
    if spec.codec != "h264":
        raise EncoderError(
            f"there is no encoder for {spec.codec!r}", "Set the track's codec to h264."
        )
    if spec.width < 16 or spec.height < 16:
        raise EncoderError(
            f"a picture of {spec.width}×{spec.height} is too small to encode",
            "Choose a mode of at least 16×16 pixels.",
        )
    return H264Encoder(spec)


def open_audio_encoder(spec: AudioSpec) -> AacEncoder:
    if spec.channels not in (1, 2):
        raise EncoderError(
            f"a sound track with {spec.channels} channels cannot be recorded",
            "Set the microphone's channels to 1 or 2.",
        )
    return AacEncoder(spec)


class H264Encoder:
    """libx264 with nothing held back: the packet of a frame leaves in the same call."""

    name = "libx264"

    def __init__(self, spec: VideoSpec) -> None:
        fps = spec.fps if spec.fps > 0 else 30.0
        width, height = spec.width & ~1, spec.height & ~1
        self._canvas = Canvas(width, height, spec.full_range_in, spec.matrix)
        self._stem = av.open(io.BytesIO(), "w", format="mp4")
        stream = self._stem.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, VIDEO_SCALE)
        context.color_range = ColorRange.MPEG
        context.colorspace = spec.matrix
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.gop_size = max(1, math.ceil(fps * GOP_S))
        context.flags |= Flags.global_header
        context.options = _x264_options(spec)
        self._stem.start_encoding()
        self._context = context
        self._stream = stream
        self._last = -1
        #: Frames refused because their time stamp did not advance.
        self.refused = 0

    @property
    def template(self) -> Stream:
        return self._stream

    @property
    def extradata(self) -> bytes:
        return bytes(self._context.extradata or b"")

    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]:
        if not isinstance(frame, VideoFrame) or frame.pts is None:
            raise EncoderError(
                "a picture encoder takes stamped pictures only", "Check the track's source."
            )
        pts = round(frame.pts * (frame.time_base or NANO) * VIDEO_SCALE)
        if pts <= self._last:
            self.refused += 1
            return []
        self._last = pts
        picture = self._canvas.paint(frame)
        picture.pts, picture.time_base = pts, Fraction(1, VIDEO_SCALE)
        key = frame.pict_type == PictureType.I
        picture.pict_type = PictureType.I if key else PictureType.NONE
        return list(self._context.encode(picture))

    def flush(self) -> list[AnyPacket]:
        return list(self._context.encode(None))


#: Text on a plain ground gains nothing from x264's searches: most of a picture is the last one
#: again. One thread: slices cost bytes and more time than they save.
_STILL = "threads=1:scenecut=0:weightp=0:no-deblock=1:me=dia:subme=0:trellis=1"
#: A fixed quantiser needs no measuring of each picture beforehand, which was a third of the time.
#: This much above crf gives text as sharp; key frames get three less by themselves.
_STILL_QP = 2


def _x264_options(spec: VideoSpec) -> dict[str, str]:
    """No B-frames, no look-ahead, no frame threads: what a kill takes is never in here.

    zerolatency also makes the rate ceiling count frames instead of time stamps (the other way
    costs one frame of delay); for pictures that come seldom the ceiling is then only stricter.
    """
    options = {"preset": spec.preset, "tune": "zerolatency", "forced-idr": "1"}
    if spec.still:
        options["x264-params"] = _STILL
    if spec.still and not spec.max_kbps:
        options["qp"] = str(min(51, spec.crf + _STILL_QP))
    else:
        options["crf"] = str(spec.crf)
    if spec.max_kbps:
        options["maxrate"] = f"{spec.max_kbps}k"
        options["bufsize"] = f"{2 * spec.max_kbps}k"
    return options


class AacEncoder:
    """AAC-LC whose samples follow the capture stamps.

    The first packet is stamped 1024 samples before the first sample (AAC's priming).
    """

    name = "aac"

    def __init__(self, spec: AudioSpec) -> None:
        self._stem = av.open(io.BytesIO(), "w", format="mp4")
        layout = "mono" if spec.channels == 1 else "stereo"
        stream = self._stem.add_stream("aac", rate=AUDIO_RATE, layout=layout)
        context = stream.codec_context
        assert isinstance(context, AudioCodecContext)
        context.bit_rate = spec.kbps * 1000
        context.time_base = Fraction(1, AUDIO_RATE)
        context.flags |= Flags.global_header
        self._stem.start_encoding()
        self._context = context
        self._stream = stream
        self._resync = Resync(layout, AUDIO_RATE, AUDIO_FRAME)

    @property
    def template(self) -> Stream:
        return self._stream

    @property
    def extradata(self) -> bytes:
        return bytes(self._context.extradata or b"")

    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]:
        if not isinstance(frame, AudioFrame) or frame.pts is None:
            raise EncoderError(
                "a sound encoder takes stamped sound only", "Check the track's source."
            )
        try:
            blocks = list(self._resync.push(frame))
        except FormatChanged as error:
            raise EncoderError(str(error), "Open the track's encoder again.") from error
        return [packet for block in blocks for packet in self._context.encode(block)]

    def flush(self) -> list[AnyPacket]:
        packets = [packet for block in self._resync.end() for packet in self._context.encode(block)]
        packets += self._context.encode(None)
        return packets
