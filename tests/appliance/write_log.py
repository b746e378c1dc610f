"""A plugin of nbdkit: disks of one machine whose every write and flush is logged, in one order.

    nbdkit python write_log.py disks=FOLDER log=FILE

Each export is the raw disk FOLDER/<export>.img. Requests are answered one after the other, so the
log's order is that in which the machine could know of them: what it writes to one disk because
another has answered comes after that answer. `tests.appliance.blocklog` reads the log.
"""

import os
import struct
from pathlib import Path

import nbdkit  # type: ignore[import-not-found]

API_VERSION = 2
#: Kind (0 write, 1 flush), disk by its place in the sorted folder, offset and length in bytes.
ENTRY = struct.Struct("<BB6xQQ")
WRITE, FLUSH = 0, 1

words: dict[str, str] = {}


class Disk:
    """One opened export."""

    def __init__(self, name: str) -> None:
        images = sorted(Path(words["disks"]).glob("*.img"))
        image = Path(words["disks"]) / f"{name}.img"
        self.number = images.index(image)
        self.size = image.stat().st_size
        self.file = os.open(image, os.O_RDWR)
        self.log = os.open(words["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def thread_model() -> int:
    return int(nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS)


def config(key: str, value: str) -> None:
    words[key] = value


def open(readonly: bool) -> Disk:
    return Disk(nbdkit.export_name())


def get_size(disk: Disk) -> int:
    return disk.size


def pread(disk: Disk, buffer: bytearray, offset: int, flags: int) -> None:
    buffer[:] = os.pread(disk.file, len(buffer), offset)


def pwrite(disk: Disk, data: bytes, offset: int, flags: int) -> None:
    os.writev(disk.log, [ENTRY.pack(WRITE, disk.number, offset, len(data)), data])
    os.pwrite(disk.file, data, offset)


def flush(disk: Disk, flags: int) -> None:
    os.write(disk.log, ENTRY.pack(FLUSH, disk.number, 0, 0))
