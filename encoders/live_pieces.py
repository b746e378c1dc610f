"""Small pictures that were made while the lecture went on, and their places in the finished file.

A piece remembers of which packets it was made. It counts only where the finished file holds exactly
these packets, one behind the other and at the same distances; each small picture then takes the
time that its source has there. So it need not be known beforehand what a finisher makes of pauses,
damage, slates and clocks: what is not in the finished file as it was is made anew from that file.
Places are found by content alone, so a piece in a wrong one would still show the right pictures.

Pieces are not synced: beside a recording that would make the recording's own syncs wait. Each
begins with its checksum, and one that a power cut has torn is none.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from encoders.encoder import VIDEO_SCALE
from encoders.pieces import Unit

#: Parameter sets that a finisher puts in front of a key frame are shorter than this.
_MOST_SETS = 4096
#: Rounding from nanoseconds, there and back, in units of the timescale.
_ROUNDING = 2
_SUFFIX = ".live"


@dataclass(frozen=True, slots=True)
class Source:
    """A packet that a piece was made of; `pts` is lecture time in the pictures' timescale."""

    pts: int
    size: int
    key: bool
    digest: str


@dataclass(frozen=True, slots=True)
class LivePiece:
    """Small pictures, and all packets of the track in their stretch."""

    extradata: bytes
    units: list[Unit]
    sources: list[Source]


@dataclass(frozen=True, slots=True)
class Packed:
    """A packet of the finished file. `looks`: its digest, and what it may have been before
    parameter sets came in front of it."""

    pts: int
    looks: tuple[str, ...]


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def path_of(folder: Path, first: str, last: str) -> Path:
    """Of the segments from `first` to `last`."""
    return folder / f"{Path(first).stem}-{Path(last).stem}{_SUFFIX}"


def pieces_in(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}"))


def write_live(path: Path, piece: LivePiece) -> None:
    """Raises OSError."""
    head = {
        "extradata": piece.extradata.hex(),
        "units": [[unit.pts, unit.dts, int(unit.key), len(unit.data)] for unit in piece.units],
        "sources": [[it.pts, it.size, int(it.key), it.digest] for it in piece.sources],
    }
    body = json.dumps(head).encode() + b"\n" + b"".join(unit.data for unit in piece.units)
    part = path.with_name(path.name + ".part")
    part.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    part.rename(path)


def read_live(path: Path) -> LivePiece | None:
    """None if it is not what was written. Raises OSError."""
    said, _, body = path.read_bytes().partition(b"\n")
    if said != hashlib.sha256(body).hexdigest().encode():
        return None
    line, _, data = body.partition(b"\n")
    head = json.loads(line)
    units, at = [], 0
    for pts, dts, key, size in head["units"]:
        units.append(Unit(pts, dts, bool(key), data[at : at + size]))
        at += size
    sources = [Source(pts, size, bool(key), look) for pts, size, key, look in head["sources"]]
    return LivePiece(bytes.fromhex(head["extradata"]), units, sources)


def packed(finished: Path, pieces: Sequence[Sequence[Source]]) -> list[Packed]:
    """The pictures' packets of a finished file, to be compared with these sources.

    Raises OSError, av.FFmpegError.
    """
    bare = _Bare(source for sources in pieces for source in sources if source.key)
    found = []
    with av.open(str(finished)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            data = bytes(packet)
            looks = bare.looks(data) if packet.is_keyframe else (digest(data),)
            at = round(packet.pts * packet.time_base * VIDEO_SCALE)
            found.append(Packed(at, looks))
    return found


class _Bare:
    """What key frames were before parameter sets came in front of them.

    Each guess is a look at the whole picture, and a camera's are alike in size: in a long lecture
    all guesses for all of them would take hours. So what fitted once is tried first.
    """

    def __init__(self, keys: Iterable[Source]) -> None:
        known = list(keys)
        self._sizes = sorted({source.size for source in known})
        self._digests = {source.digest for source in known}
        #: How long parameter sets have been so far.
        self._sets: list[int] = [0]

    def looks(self, data: bytes) -> tuple[str, ...]:
        """Its digest, and that of the source it was made of, if there is one."""
        whole = digest(data)
        first = bisect_left(self._sizes, len(data) - _MOST_SETS)
        sizes = self._sizes[first : bisect_left(self._sizes, len(data))]
        for sets in (*self._sets, *(len(data) - size for size in sizes)):
            look = digest(data[sets:]) if sets else whole
            if look in self._digests:
                if sets not in self._sets:
                    self._sets.append(sets)
                return (whole, look) if sets else (whole,)
        return (whole,)


def places(
    pieces: Sequence[Sequence[Source]], packets: Sequence[Packed]
) -> Iterator[tuple[int, range]]:
    """Which pieces lie in the finished file, and as which of its packets; none over another."""
    where = defaultdict(list)
    for number, packet in enumerate(packets):
        for look in packet.looks:
            where[look].append(number)
    taken: set[int] = set()
    for number, sources in enumerate(pieces):
        for first in where[sources[0].digest] if sources else ():
            found = range(first, first + len(sources))
            if taken.isdisjoint(found) and _fits(sources, packets, found):
                taken.update(found)
                yield number, found
                break


def placed(piece: LivePiece, packets: Sequence[Packed]) -> list[Unit] | None:
    """The small pictures at the times of `packets`, which are the piece's sources.

    None if one of them has none of these sources.
    """
    times = {it.pts: packet.pts for it, packet in zip(piece.sources, packets, strict=True)}
    if any(unit.pts not in times for unit in piece.units):
        return None
    return [
        Unit(times[it.pts], times[it.pts] + it.dts - it.pts, it.key, it.data) for it in piece.units
    ]


def _fits(sources: Sequence[Source], packets: Sequence[Packed], where: range) -> bool:
    if where.stop > len(packets):
        return False
    shift = packets[where[-1]].pts - sources[-1].pts
    for number, source in zip(where, sources, strict=True):
        packet = packets[number]
        # The finished file's first picture stands from the very beginning on.
        moved = number > 0 and abs(packet.pts - source.pts - shift) > _ROUNDING
        if moved or source.digest not in packet.looks:
            return False
    return True
