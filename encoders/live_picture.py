"""Make small pictures of the closed segments of a lecture that goes on, a minute at a time.

Reads segments that have their final name, which are never changed. Decodes with a single thread:
beside a recording at most one processor is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from encoders.boxes import header, read_index, samples
from encoders.encoder import VIDEO_SCALE
from encoders.feed import made
from encoders.fragments import opened
from encoders.live_pieces import LivePiece, Source, digest
from encoders.pieces import key_of
from encoders.small_picture import PIECE, PictureSpec, chosen, encoded, picture_options

#: A hole of less is none: the picture before it stands.
_TOUCHING = VIDEO_SCALE // 2


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment of pictures, in the pictures' timescale. `way`: how it is encoded."""

    path: Path
    start: int
    stop: int
    way: str
    #: It can be decoded without the one before.
    alone: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that follow each other and become one piece. `joined`: they go on from the run
    before."""

    segments: tuple[Closed, ...]
    joined: bool

    @property
    def first(self) -> str:
        return self.segments[0].path.name

    @property
    def last(self) -> str:
        return self.segments[-1].path.name


def way_of(spec: PictureSpec) -> str:
    """Small pictures of the same way fit together: what is wished, how, and by which libraries."""
    return key_of(spec, picture_options(spec))


def live_folder(work: Path, spec: PictureSpec) -> Path:
    """Where pieces of such small pictures lie among a lecture's work."""
    return work / f"live.{way_of(spec)}"


def closed(path: Path) -> Closed | None:
    """What a segment file holds; None if it is not whole, or not of pictures. Raises OSError."""
    index = read_index(path)
    if not index.pieces or index.timescale != VIDEO_SCALE or index.length != path.stat().st_size:
        return None
    alone = next(iter(samples(path))).key
    return Closed(path, index.pieces[0].start, index.pieces[-1].stop, digest(header(path)), alone)


def runs(segments: Iterable[Closed]) -> Iterator[Run]:
    """Those that are whole: a minute long, or followed by what does not go on from them.

    The same segments, with more behind them, give the same runs again and more behind them.
    """
    run: list[Closed] = []
    joined, reached = False, -PIECE
    for segment in segments:
        touching = abs(segment.start - reached) <= _TOUCHING
        if run and not (touching and segment.way == run[-1].way):
            yield Run(tuple(run), joined)
            run = []
        reached = segment.stop
        if run or segment.alone:
            joined = joined if run else touching
            run.append(segment)
        if run and run[-1].stop - run[0].start >= PIECE:
            yield Run(tuple(run), joined)
            run = []


def live_piece(run: Sequence[Closed], spec: PictureSpec, slot: int = -1) -> LivePiece:
    """`slot`: which fifteenth of a second has its picture already, in lecture time.

    Raises OSError, ValueError, av.FFmpegError.
    """
    sources: list[Source] = []
    frames = _frames([each.path for each in run], sources)
    extradata, units = encoded(chosen(frames, 0, slot), spec)
    return LivePiece(extradata, units, sources)


def _frames(paths: Sequence[Path], sources: list[Source]) -> Iterator[VideoFrame]:
    """The pictures of segments that are encoded in one way; what was read is noted in `sources`."""
    with opened(paths[0]) as head:
        context = head.streams.video[0].codec_context
        context.thread_count = 1
        for path in paths:
            for each in samples(path):
                sources.append(Source(each.pts, len(each.data), each.key, digest(each.data)))
                packet = made(each.data, each.pts, each.dts, each.duration, each.key, VIDEO_SCALE)
                yield from _stamped(context.decode(packet))
        yield from _stamped(context.decode(None))


def _stamped(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    for frame in frames:
        if frame.pts is not None:
            yield frame
