"""Read the box structure of segment files, and give a torn one back whole.

A file that ends inside a moof cannot be opened by FFmpeg at all, so a file that was not closed
is cut after its last whole moof and mdat before anything else looks at it. Only reads the boxes
that `encoders.fragments` writes; whatever else is in a file counts as damage, never as an error.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from encoders.disk import Disk
from encoders.rotation import SECOND
from encoders.segment import Segment, next_sequence, segment_name, sequence

#: The moov of one stream has some hundred bytes, the moof of one second some thousand.
LARGEST_HEAD = 1 << 20
#: The bit of a packet's flags that says "not a key frame".
NOT_SYNC = 0x1_0000
#: Those of our sound and of our pictures (`encoders.encoder`); any other is damage.
TIMESCALES = (48_000, 90_000)
#: No lecture is longer than ten years: a larger time is damage, and would not fit into the ledger.
LONGEST_NS = 10 * 365 * 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole moof + mdat. Times are in the index' timescale, the rest are file offsets."""

    start: int
    stop: int
    packets: int
    moof: int
    mdat: int
    end: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet as it stands in a file; times in the index' timescale."""

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool


@dataclass(frozen=True, slots=True)
class Index:
    """What is whole in a segment file, from its beginning up to the first damage."""

    timescale: int
    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        """Bytes up to the end of the last whole fragment; 0 when there is none."""
        return self.pieces[-1].end if self.pieces else 0

    @property
    def start_ns(self) -> int:
        return round(self.pieces[0].start * SECOND / self.timescale)

    @property
    def end_ns(self) -> int:
        return round(self.pieces[-1].stop * SECOND / self.timescale)

    @property
    def packets(self) -> int:
        return sum(piece.packets for piece in self.pieces)


def read_index(path: Path) -> Index:
    """Walk a segment file, reading heads only. Never raises for what stands in the file."""
    with path.open("rb") as file:
        timescale = 0
        pieces: list[Piece] = []
        head: tuple[int, _Head] | None = None
        for kind, start, end in _walk(file):
            if kind == b"moov":
                timescale = _timescale(_payload(file, start, end))
                if timescale not in TIMESCALES:
                    break
            elif kind == b"moof" and timescale:
                rows = _fragment_head(_payload(file, start, end))
                if rows is None or rows.stop * SECOND > LONGEST_NS * timescale:
                    break
                if pieces and rows.start != pieces[-1].stop:
                    break  # each fragment begins where the one before it ends
                head = start, rows
            elif kind == b"mdat" and head is not None and head[1].bytes == end - start - 8:
                moof, rows = head
                pieces.append(Piece(rows.start, rows.stop, len(rows.rows), moof, start, end))
                head = None
            elif kind != b"ftyp":
                break
        return Index(timescale or 1, tuple(pieces))


def header(path: Path) -> bytes:
    """ftyp and moov of a segment file: equal headers mean equal ways to decode."""
    index = read_index(path)
    with path.open("rb") as file:
        return file.read(index.pieces[0].moof) if index.pieces else b""


def samples(path: Path) -> Iterator[Sample]:
    """The whole packets of a segment file, one fragment in memory at a time."""
    index = read_index(path)
    with path.open("rb") as file:
        for piece in index.pieces:
            head = _fragment_head(_payload(file, piece.moof, piece.mdat))
            assert head is not None  # read_index has seen it
            file.seek(piece.mdat + 8)
            dts = head.start
            for duration, size, flags, offset in head.rows:
                yield Sample(file.read(size), dts + offset, dts, duration, not flags & NOT_SYNC)
                dts += duration


def whole_length(path: Path) -> int:
    """Bytes up to the end of the last whole moof + mdat; 0 when there is nothing to keep."""
    return read_index(path).length


def segment_facts(path: Path, *, recovered: bool = False) -> Segment | None:
    """What the ledger stores about a closed segment; None when the file is not a whole one."""
    seq = sequence(path.name)
    index = read_index(path)
    size = path.stat().st_size
    if seq is None or not index.pieces or index.length != size:
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Segment(
        seq=seq,
        name=path.name,
        bytes=size,
        sha256=digest,
        start_ns=index.start_ns,
        end_ns=index.end_ns,
        packets=index.packets,
        recovered=recovered,
    )


def trim_and_close(part: Path, disk: Disk | None = None) -> Segment | None:
    """Cut a `.part` after its last whole fragment and give it its name, durably.

    None when nothing in it is whole or its name is not one of ours: the file is then left as it is.
    May be killed and repeated.
    """
    disk = disk or Disk()
    length = whole_length(part)
    if length == 0 or sequence(part.name) is None:
        return None
    fd = disk.open(part)
    try:
        disk.truncate(fd, length)
        disk.sync(fd)
    finally:
        disk.close(fd)
    target = part.with_suffix("")
    if target.exists():
        target = part.with_name(segment_name(next_sequence(disk.names(part.parent))))
    disk.rename(part, target)
    disk.sync_folder(target.parent)
    return segment_facts(target, recovered=True)


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each top-level box that is in the file with its last byte."""
    size = file.seek(0, 2)
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length < 8 or at + length > size:
            return
        yield kind, at, at + length
        at += length


def _payload(file: BinaryIO, start: int, end: int) -> bytes:
    if end - start > LARGEST_HEAD:
        return b""
    file.seek(start + 8)
    return file.read(end - start - 8)


def _find(data: bytes, *path: bytes) -> bytes | None:
    """The payload of a box inside boxes."""
    for wanted in path:
        at = 0
        while True:
            if at + 8 > len(data):
                return None
            length, kind = struct.unpack_from(">I4s", data, at)
            if length < 8 or at + length > len(data):
                return None
            if kind == wanted:
                break
            at += length
        data = data[at + 8 : at + length]
    return data


def _timescale(moov: bytes) -> int:
    mdhd = _find(moov, b"trak", b"mdia", b"mdhd")
    if mdhd is None or len(mdhd) < 24:
        return 0
    at = 20 if mdhd[0] == 1 else 12
    return int(struct.unpack_from(">I", mdhd, at)[0])


@dataclass(frozen=True, slots=True)
class _Head:
    """A moof of ours: when it starts; duration, size, flags and offset of each packet."""

    start: int
    rows: tuple[tuple[int, int, int, int], ...]

    @property
    def stop(self) -> int:
        return self.start + sum(row[0] for row in self.rows)

    @property
    def bytes(self) -> int:
        return sum(row[1] for row in self.rows)


def _fragment_head(moof: bytes) -> _Head | None:
    """None if it is not a fragment as we write them."""
    tfdt = _find(moof, b"traf", b"tfdt")
    trun = _find(moof, b"traf", b"trun")
    if tfdt is None or trun is None or len(tfdt) != 12 or len(trun) < 12:
        return None
    count = struct.unpack_from(">I", trun, 4)[0]
    if count == 0 or len(trun) != 12 + 16 * count:
        return None
    start = struct.unpack_from(">Q", tfdt, 4)[0]
    return _Head(start, tuple(struct.iter_unpack(">IIIi", trun[12:])))
