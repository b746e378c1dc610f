"""Every write that a machine's disks got, in order, and the disks as a power cut leaves them.

The log is that of `write_log`, an nbdkit plugin. Each disk has a cache of its own, as a room's disk
and a stick or a share have: of what was written after a disk's last flush, each sector is there or
not as the dice fall.
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

#: As in write_log.py, which runs in nbdkit's Python and can import nothing of ours.
_ENTRY = struct.Struct("<BB6xQQ")
_FLUSH = 1
SECTOR = 512
#: See guest/beat.py.
BEAT = b"CLASSROOM-BEAT "


@dataclass(frozen=True, slots=True)
class Write:
    """One entry: which disk, where, how much, and where in the log its data are. Or a flush."""

    disk: int
    offset: int
    length: int
    data: int
    flushes: bool


class BlockLog:
    """A log, read lazily. With `deaf`, as if nobody had ever asked that disk to flush."""

    def __init__(self, path: Path, deaf: int | None = None) -> None:
        self._file: BinaryIO = path.open("rb")
        entries = self._read(path.stat().st_size)
        self.writes = [it for it in entries if not (it.flushes and it.disk == deaf)]

    def _read(self, end: int) -> Iterator[Write]:
        place = 0
        while place < end:
            self._file.seek(place)
            kind, disk, offset, length = _ENTRY.unpack(self._file.read(_ENTRY.size))
            place += _ENTRY.size
            yield Write(disk, offset, length, place, kind == _FLUSH)
            place += length

    def close(self) -> None:
        self._file.close()

    def data(self, write: Write) -> bytes:
        self._file.seek(write.data)
        return self._file.read(write.length)

    def beat(self, write: Write) -> dict[str, Any] | None:
        """What the guest's beat says, if this write is one."""
        if write.length != 4096:
            return None
        data = self.data(write)
        if not data.startswith(BEAT):
            return None
        return dict(json.loads(data[len(BEAT) :].split(b"\n")[0]))

    def points(self) -> list[int]:
        """Cuts worth trying: after each write that is none of the guest's beats."""
        return [
            number + 1
            for number, write in enumerate(self.writes)
            if write.length and self.beat(write) is None
        ]


class Disks:
    """The disks of a log after a power cut at any of its points, which must come in order."""

    def __init__(self, log: BlockLog, blanks: Sequence[Path], folder: Path) -> None:
        self._log, self._folder = log, folder
        self._flushed = [folder / f"flushed-{blank.name}" for blank in blanks]
        #: Writes of each disk that are in its `flushed` image, and what came after them.
        self._pending: list[list[Write]] = [[] for _ in blanks]
        self._seen = 0
        for blank, image in zip(blanks, self._flushed, strict=True):
            copy(blank, image)

    def advance(self, number: int) -> bool:
        """Up to a point; True when the flushed state of some disk has changed on the way."""
        changed = False
        for write in self._log.writes[self._seen : number]:
            pending = self._pending[write.disk]
            if not write.flushes:
                pending.append(write)
            elif pending:
                with self._flushed[write.disk].open("r+b") as image:
                    for each in pending:
                        _put(image, each.offset, self._log.data(each))
                pending.clear()
                changed = True
        self._seen = number
        return changed

    def flushed(self, disk: int) -> Path:
        """A copy of a disk with nothing but what was flushed."""
        return self._copy_of(disk)

    def torn(self, disk: int, seed: int) -> Path:
        """A copy of a disk after the cut: seed 0 loses all that was not flushed, 1 nothing."""
        image = self._copy_of(disk)
        dice = random.Random(seed * 1_000_003 + self._seen * 31 + disk)
        chance = {0: 0.0, 1: 1.0}.get(seed, 0.5)
        with image.open("r+b") as file:
            for write in self._pending[disk]:
                data = self._log.data(write)
                for start in range(0, len(data), SECTOR):
                    if dice.random() < chance:
                        _put(file, write.offset + start, data[start : start + SECTOR])
        return image

    def _copy_of(self, disk: int) -> Path:
        image = self._folder / f"cut-{disk}.img"
        copy(self._flushed[disk], image)
        return image


def _put(file: BinaryIO, offset: int, data: bytes) -> None:
    file.seek(offset)
    file.write(data)


def copy(source: Path, target: Path) -> None:
    """Of a disk that is mostly holes, its data only: a tenth of it."""
    target.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
