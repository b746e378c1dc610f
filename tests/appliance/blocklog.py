"""Every write that a disk got, in order: the log of QEMU's `blklogwrites`, and disks made from it.

The format is that of dm-log-writes. A disk is replayed up to any write; of the writes after the
last flush before it, each sector is there or not as the dice fall, as in a drive whose cache lost
its power.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
_HEAD = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
#: See guest/beat.py.
BEAT = b"CLASSROOM-BEAT "


@dataclass(frozen=True, slots=True)
class Write:
    """One entry of the log: where on the disk, how much, and where in the log its data are."""

    sector: int
    sectors: int
    flags: int
    data: int

    @property
    def has_data(self) -> bool:
        return self.sectors > 0 and not self.flags & DISCARD

    @property
    def flushes(self) -> bool:
        return bool(self.flags & FLUSH)


class BlockLog:
    """A log, read lazily. `size` is that of a sector in bytes."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        magic, _version, count, self.size = _HEAD.unpack(self._file.read(_HEAD.size))
        if magic != MAGIC:
            raise ValueError(f"{path} is no log of writes")
        self.writes = list(self._read(count))

    def _read(self, count: int) -> Iterator[Write]:
        place = self.size
        for _ in range(count):
            self._file.seek(place)
            sector, sectors, flags, _ = _ENTRY.unpack(self._file.read(_ENTRY.size))
            write = Write(sector, sectors, flags, place + self.size)
            place += self.size + (sectors * self.size if write.has_data else 0)
            yield write

    def data(self, write: Write) -> bytes:
        self._file.seek(write.data)
        return self._file.read(write.sectors * self.size)

    def beat(self, write: Write) -> dict[str, Any] | None:
        """What the guest's beat says, if this write is one."""
        if not write.has_data or write.sectors * self.size != 4096:
            return None
        data = self.data(write)
        if not data.startswith(BEAT):
            return None
        return dict(json.loads(data[len(BEAT) :].split(b"\n")[0]))

    def apply(self, write: Write, disk: BinaryIO) -> None:
        """All of it."""
        if write.has_data:
            disk.seek(write.sector * self.size)
            disk.write(self.data(write))

    def apply_torn(self, write: Write, disk: BinaryIO, dice: random.Random) -> None:
        """Each sector with a chance of one half."""
        if not write.has_data:
            return
        data = self.data(write)
        for number in range(write.sectors):
            if dice.random() < 0.5:
                disk.seek((write.sector + number) * self.size)
                disk.write(data[number * self.size : (number + 1) * self.size])
