"""The pieces of a small picture in one folder: which stretches they cover, and those made before.

A piece is named by the stretch it covers in package time, so what is still to be made is what no
name covers, after any kill.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import av

from encoders.live_pieces import Source, packed, pieces_in, placed, places, read_live
from encoders.pieces import read_piece, write_piece
from encoders.small_picture import PictureSpec, add_picture, last_slot

#: Behind every picture: three hundred years.
FOREVER = 10**15 - 1

#: Begin and end, of which the end is not part.
Stretch = tuple[int, int]


def path_of(folder: Path, begin: int, end: int) -> Path:
    return folder / f"picture-{begin:015}-{end:015}.piece"


def covered(folder: Path) -> list[Stretch]:
    """In turn."""
    names = sorted(path.stem for path in folder.glob("picture-*.piece"))
    return [(int(name.split("-")[1]), int(name.split("-")[2])) for name in names]


def missing(there: Sequence[Stretch]) -> Iterator[Stretch]:
    """What sorted stretches leave out of all time."""
    reached = 0
    for begin, end in there:
        if begin > reached:
            yield reached, begin
        reached = max(reached, end)
    if reached < FOREVER:
        yield reached, FOREVER


def slot_before(folder: Path, begin: int) -> int:
    """Which fifteenth of a second has its picture already when the piece from `begin` on is made.

    What is left out behind a piece's last picture lies in the same fifteenth. Raises PieceError.
    """
    before = [each for each in covered(folder) if each[1] == begin]
    if not before:
        return -1
    return last_slot(read_piece(path_of(folder, *before[-1]), None))


def adopt(finished: Path, spec: PictureSpec, made: Path, folder: Path) -> None:
    """Take over what was made in `made` while the lecture went on, as far as it fits.

    May be killed and repeated. Raises OSError, av.FFmpegError.
    """
    good = list(_usable(made, _parameters(spec)) if made.is_dir() else ())
    sources = [each for _, each in good]
    packets = packed(finished, sources) if good else []
    for number, where in places(sources, packets):
        piece = read_live(good[number][0])
        units = placed(piece, packets[where.start : where.stop]) if piece else None
        begin = packets[where.start].pts if where.start else 0
        end = packets[where.stop].pts if where.stop < len(packets) else FOREVER
        free = all(last <= begin or end <= first for first, last in covered(folder))
        if piece is not None and units and free:
            write_piece(path_of(folder, begin, end), piece.extradata, units)


def _usable(made: Path, parameters: bytes) -> Iterator[tuple[Path, list[Source]]]:
    """Without the pictures, which are many."""
    for path in pieces_in(made):
        piece = read_live(path)
        if piece is not None and piece.extradata == parameters:
            yield path, piece.sources


def _parameters(spec: PictureSpec) -> bytes:
    """What an encoder of today says of its packets."""
    with av.open(io.BytesIO(), "w", format="matroska") as stem:
        context = add_picture(stem, spec).codec_context
        stem.start_encoding()
        return bytes(context.extradata or b"")
