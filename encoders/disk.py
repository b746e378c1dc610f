"""The few disk operations that durable files need, as one object that tests can make fail."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

#: The kernel takes so many at once (IOV_MAX).
MOST_PIECES = 1024


class Disk:
    """The real disk. Every method may block as long as the disk likes and raises OSError."""

    def make_folder(self, path: Path) -> None:
        """Make a folder and its parents; their names are durable on return."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self.sync_folder(folder.parent)

    def names(self, folder: Path) -> list[str]:
        return [entry.name for entry in folder.iterdir()]

    def create(self, path: Path) -> int:
        """A new file, open for writing; never one that was there before."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def write(self, fd: int, pieces: Sequence[bytes]) -> None:
        """All of them, one behind the other."""
        for at in range(0, len(pieces), MOST_PIECES):
            some = pieces[at : at + MOST_PIECES]
            written, size = os.writev(fd, some), sum(map(len, some))
            if written < size:  # the disk is nearly full, or a signal came
                self._write_rest(fd, memoryview(b"".join(some))[written:])

    @staticmethod
    def _write_rest(fd: int, rest: memoryview) -> None:
        while rest:
            rest = rest[os.write(fd, rest) :]

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file and leave its time of writing: recovery reads from it when all ended."""
        before = os.fstat(fd)
        os.ftruncate(fd, length)
        os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def remove(self, path: Path) -> None:
        path.unlink()

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
