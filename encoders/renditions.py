"""A small version of finished files: made piece by piece, joined without encoding anything again.

What is made lies in a folder of its own, named by all that decides about the packets. Begun again
after a kill, the work goes on behind the last whole piece; with other wishes, another source or
another version of the encoders it begins anew. Pictures that were made small while the lecture went
on are taken over, wherever they fit.
"""

from __future__ import annotations

import heapq
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
from av.stream import Stream

from encoders.encoder import AUDIO_RATE, VIDEO_SCALE, AnyPacket
from encoders.live_picture import live_folder
from encoders.picture_pieces import adopt, covered, missing, path_of, slot_before
from encoders.pieces import PieceError, Unit, key_of, read_piece, write_piece
from encoders.small_picture import PIECE, PictureSpec, SmallPictures, add_picture, picture_options
from encoders.small_sound import SoundSpec, add_sound, pieces_of_sound, sound_piece

#: Hears how far the work is, 0 to 1, after each piece.
Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make of which files. `length_ns` is what all files of the package have."""

    name: str
    length_ns: int
    #: The files to make it of, with their checksums.
    picture: tuple[Path, str] | None
    sound: tuple[Path, str] | None
    picture_spec: PictureSpec | None
    sound_spec: SoundSpec | None

    @property
    def samples(self) -> int:
        return self.length_ns * AUDIO_RATE // 1_000_000_000

    @property
    def picture_end(self) -> int:
        return self.length_ns * VIDEO_SCALE // 1_000_000_000

    @property
    def key(self) -> str:
        """Pieces with the same key fit together."""
        sources = [each[1] for each in (self.picture, self.sound) if each]
        how = picture_options(self.picture_spec) if self.picture_spec else {}
        wishes = (self.length_ns, self.picture_spec, how, self.sound_spec)
        return key_of("pictures by their times", sources, wishes)


def make(recipe: Recipe, work: Path, tell: Tell) -> Path:
    """The finished file in `work`, durable. Raises PieceError, OSError, av.FFmpegError."""
    folder = work / f"{recipe.name}.{recipe.key}"
    _clear_others(folder)
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / recipe.name
    if not out.exists():
        _make_pieces(recipe, folder, tell)
        try:
            _join(recipe, folder, out)
        except PieceError:
            # What does not fit together now will not fit next time.
            shutil.rmtree(folder)
            if recipe.picture_spec:
                shutil.rmtree(live_folder(work, recipe.picture_spec), ignore_errors=True)
            raise
    return out


def _clear_others(folder: Path) -> None:
    stem = folder.name.rpartition(".")[0]
    for other in folder.parent.glob(f"{stem}.*"):
        if other != folder:
            shutil.rmtree(other)


def _make_pieces(recipe: Recipe, folder: Path, tell: Tell) -> None:
    spec = recipe.sound_spec
    heard = pieces_of_sound(spec, recipe.samples) if recipe.sound and spec else 0
    # A minute of sound costs about a tenth of one of pictures.
    seen = 10 * -(-recipe.picture_end // PIECE) if recipe.picture else 0
    total = max(1, heard + seen)
    if recipe.sound and spec:
        for number in range(heard):
            path = folder / f"sound-{number:05}.piece"
            if not path.exists():
                made = sound_piece(recipe.sound[0], spec, recipe.samples, number)
                write_piece(path, *made)
            tell((number + 1) / total)
    if recipe.picture and recipe.picture_spec:
        _make_pictures(recipe, folder, lambda fraction: tell((heard + seen * fraction) / total))


def _make_pictures(recipe: Recipe, folder: Path, tell: Tell) -> None:
    assert recipe.picture is not None
    assert recipe.picture_spec is not None
    source, spec, end = recipe.picture[0], recipe.picture_spec, max(1, recipe.picture_end)
    adopt(source, spec, live_folder(folder.parent, spec), folder)
    pictures = SmallPictures(source, spec)
    for first, last in missing(covered(folder)):
        for piece in pictures.pieces(first, last, slot_before(folder, first)):
            write_piece(path_of(folder, piece.begin, piece.end), piece.extradata, piece.units)
            tell(min(1.0, piece.end / end))
    tell(1.0)


def _join(recipe: Recipe, folder: Path, out: Path) -> None:
    """All packets into one file, its index in front, where a browser wants it."""
    part = out.with_name(out.name + ".part")
    webm = out.suffix == ".webm"
    options = {"cues_to_front": "1"} if webm else {"movflags": "+faststart"}
    with av.open(str(part), "w", format="webm" if webm else "mp4", options=options) as container:
        picture = add_picture(container, recipe.picture_spec) if recipe.picture_spec else None
        sound = add_sound(container, recipe.sound_spec) if recipe.sound_spec else None
        container.start_encoding()
        feeds: list[Iterator[tuple[float, int, AnyPacket, Stream]]] = []
        if picture is not None:
            end = recipe.picture_end
            feeds.append(_timed(folder, "picture", picture, VIDEO_SCALE, end))
        if sound is not None and recipe.sound_spec:
            size = recipe.sound_spec.frame
            feeds.append(_timed(folder, "sound", sound, AUDIO_RATE, None, size))
        for _at, _which, packet, stream in heapq.merge(*feeds, key=lambda each: each[:2]):
            packet.stream = stream
            container.mux_one(packet)
    _sync(part)
    part.rename(out)
    _sync(folder)


def _timed(
    folder: Path, kind: str, stream: Stream, scale: int, end: int | None, size: int = 0
) -> Iterator[tuple[float, int, AnyPacket, Stream]]:
    """Packets in place; a picture (size 0) lasts until the next one, the last until the end."""
    extradata = bytes(stream.codec_context.extradata or b"")
    paths = sorted(folder.glob(f"{kind}-*.piece"))
    units = (unit for path in paths for unit in read_piece(path, extradata))
    for unit, following in _with_next(units):
        until = following.dts if following else max(unit.dts + 1, end or 0)
        if until <= unit.dts:
            raise PieceError(f"{kind} does not go forward at {unit.dts / scale:.3f} s")
        if size and following and until - unit.dts != size:
            raise PieceError(f"{kind} has a hole at {unit.dts / scale:.3f} s")
        yield unit.dts / scale, len(kind), unit.packet(scale, size or until - unit.dts), stream


def _with_next(units: Iterator[Unit]) -> Iterator[tuple[Unit, Unit | None]]:
    def and_end() -> Iterator[Unit | None]:
        yield from units
        yield None

    for unit, following in pairwise(and_end()):
        assert unit is not None
        yield unit, following


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
