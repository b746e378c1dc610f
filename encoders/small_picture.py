"""A small picture for phones: at most 360 lines and 15 pictures a second, encoded in pieces.

Each piece begins with a key frame and needs no other; all are made with the same parameters, so one
follows the other without being encoded again. Pictures keep their own times.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, takewhile
from pathlib import Path
from typing import Literal

import av
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from encoders.encoder import VIDEO_SCALE, AnyPacket
from encoders.pieces import Unit

PIECE_S = 60
PIECE = PIECE_S * VIDEO_SCALE
MOST_LINES = 360
#: Of a person who speaks, half of a camera's pictures are enough, and every second one is saved.
MOST_FPS = 15
#: A phone on a thin link that jumps fetches at most this much for nothing.
_GOP_S = 10
#: The most that a busy stretch may borrow from a quiet one, in seconds of the ceiling.
_BUFFER_S = 5

SmallCodec = Literal["h264", "h264-baseline", "av1"]


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """`kbps` is a ceiling: quiet pictures need less."""

    codec: SmallCodec
    kbps: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Piece:
    """The packets of the pictures that begin from `begin` up to `end`, in package time."""

    begin: int
    end: int
    extradata: bytes
    units: list[Unit]


def small_size(width: int, height: int) -> tuple[int, int]:
    """The same shape within 640×360, in even numbers; never larger than it was."""
    scale = min(1.0, MOST_LINES / height, 640 / width)
    return max(16, round(width * scale / 2) * 2), max(16, round(height * scale / 2) * 2)


def add_picture(container: OutputContainer, spec: PictureSpec) -> Stream:
    """A stream with the encoder's parameters; they are told when the container starts."""
    encoder = "libsvtav1" if spec.codec == "av1" else "libx264"
    stream = container.add_stream(encoder, rate=MOST_FPS)
    context = stream.codec_context
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = spec.width, spec.height, "yuv420p"
    context.time_base = Fraction(1, VIDEO_SCALE)
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.gop_size = MOST_FPS * _GOP_S
    context.max_b_frames = 0
    context.flags |= Flags.global_header
    context.options = picture_options(spec)
    return stream


def picture_options(spec: PictureSpec) -> dict[str, str]:
    """One thread: the same pictures give the same packets on every computer.

    `faster`: of a speaker, under this ceiling, SSIM is that of `medium` for 0.63 of its CPU.
    """
    if spec.codec == "av1":
        rate = f"rc=0:mbr={spec.kbps}:lp=2"
        return {"preset": "9", "crf": "40", "svtav1-params": rate}
    profile = "baseline" if spec.codec == "h264-baseline" else "main"
    ceiling = {"maxrate": f"{spec.kbps}k", "bufsize": f"{spec.kbps * _BUFFER_S}k"}
    return {"preset": "faster", "profile": profile, "crf": "27", "threads": "1", **ceiling}


class SmallPictures:
    """The pieces of one file, in turn; begins anywhere without decoding what is before."""

    def __init__(self, source: Path, spec: PictureSpec) -> None:
        self._source = source
        self._spec = spec

    def pieces(self, begin: int, end: int, slot: int = -1) -> Iterator[Piece]:
        """All pieces from `begin` up to `end`, which are cut where minutes begin.

        `slot`: which fifteenth of a second has its picture already. A piece in which no picture
        begins is left out: the one before stands still.
        """
        kept = chosen(self._frames(begin), begin, slot)
        within = takewhile(lambda frame: ticks(frame) < end, kept)
        for number, group in groupby(within, key=lambda frame: ticks(frame) // PIECE):
            first, last = max(begin, number * PIECE), min(end, (number + 1) * PIECE)
            yield Piece(first, last, *encoded(group, self._spec))

    def _frames(self, begin: int) -> Iterator[VideoFrame]:
        with av.open(str(self._source)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_type = ThreadType.AUTO
            if begin:
                at = Fraction(begin, VIDEO_SCALE) / (stream.time_base or Fraction(1))
                container.seek(int(at), stream=stream)
            yield from container.decode(stream)


def encoded(frames: Iterator[VideoFrame], spec: PictureSpec) -> tuple[bytes, list[Unit]]:
    """The encoder's parameters, and the packets of pictures that need no others."""
    with av.open(io.BytesIO(), "w", format="matroska") as stem:
        context = add_picture(stem, spec).codec_context
        assert isinstance(context, VideoCodecContext)
        stem.start_encoding()
        extradata = bytes(context.extradata or b"")
        packets: list[AnyPacket] = []
        for frame in frames:
            packets += context.encode(_small(frame, spec))
        packets += context.encode(None)
    return extradata, [_unit(packet) for packet in packets]


def chosen(frames: Iterator[VideoFrame], begin: int = 0, slot: int = -1) -> Iterator[VideoFrame]:
    """At most one picture in each fifteenth of a second, from `begin` and behind `slot` on."""
    for frame in frames:
        at = ticks(frame)
        if at >= begin and slot_of(at) > slot:
            slot = slot_of(at)
            yield frame


def slot_of(at: int) -> int:
    """Which fifteenth of a second that is."""
    return at * MOST_FPS // VIDEO_SCALE


def last_slot(units: Iterable[Unit]) -> int:
    """The latest fifteenth of a second that has its picture; -1: none has."""
    return max((slot_of(unit.pts) for unit in units), default=-1)


def ticks(frame: VideoFrame) -> int:
    """When a picture is shown, in units of the packets' timescale."""
    assert frame.pts is not None
    assert frame.time_base is not None
    return max(0, round(frame.pts * frame.time_base * VIDEO_SCALE))


def _small(frame: VideoFrame, spec: PictureSpec) -> VideoFrame:
    """Averaged and not sampled: fewer bytes for noise."""
    # 1 is BT.709 in the frame's own tag; a USB camera's recording is in BT.601.
    matrix = Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
    picture = frame.reformat(
        spec.width,
        spec.height,
        "yuv420p",
        src_colorspace=matrix,
        dst_colorspace=Colorspace.ITU709,
        interpolation=Interpolation.AREA,
    )
    if picture is frame:
        # The size was right. Given the decoder's own frame, x264's output was seen to differ from
        # run to run; given a copy, never.
        picture = VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
    picture.pts, picture.time_base = ticks(frame), Fraction(1, VIDEO_SCALE)
    picture.pict_type = PictureType.NONE
    return picture


def _unit(packet: AnyPacket) -> Unit:
    pts = packet.pts or 0
    return Unit(pts, pts if packet.dts is None else packet.dts, packet.is_keyframe, bytes(packet))
