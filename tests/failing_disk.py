"""A disk in memory of the test's own: fails its n-th call, or waits until it is let go."""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from pathlib import Path

from encoders.disk import Disk


class FailingDisk(Disk):
    """The real disk, but call number `fail_at` raises. Remembers what was surely durable."""

    def __init__(self, fail_at: int | None = None, error: int = errno.EIO) -> None:
        self.fail_at = fail_at
        self.error = error
        self.calls: list[str] = []
        #: Bytes per file descriptor that were written, and that a sync has covered.
        self.written: dict[int, int] = {}
        self.durable = 0
        self.synced_after_failure: list[int] = []
        self._failed_sync: set[int] = set()

    def _step(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 == self.fail_at:
            raise OSError(self.error, "the test's disk fails here")

    def make_folder(self, path: Path) -> None:
        self._step("make_folder")
        super().make_folder(path)

    def names(self, folder: Path) -> list[str]:
        self._step("names")
        return super().names(folder)

    def create(self, path: Path) -> int:
        self._step("create")
        fd = super().create(path)
        self.written[fd] = 0
        return fd

    def write(self, fd: int, pieces: Sequence[bytes]) -> None:
        data = b"".join(pieces)
        half = len(data) // 2
        super().write(fd, [data[:half]])  # What a failing write leaves behind.
        self._step("write")
        super().write(fd, [data[half:]])
        self.written[fd] += len(data)

    def sync(self, fd: int) -> None:
        if fd in self._failed_sync:
            self.synced_after_failure.append(fd)
        try:
            self._step("sync")
        except OSError:
            self._failed_sync.add(fd)
            raise
        super().sync(fd)
        self.durable = self.written[fd]

    def close(self, fd: int) -> None:
        try:
            self._step("close")
        finally:
            super().close(fd)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename")
        super().rename(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._step("sync_folder")
        super().sync_folder(folder)


class StuckDisk(Disk):
    """Every sync waits until `let_go` is set."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.syncing = threading.Event()
        self.syncs = 0

    def sync(self, fd: int) -> None:
        self.syncs += 1
        self.syncing.set()
        self.let_go.wait(60)
        super().sync(fd)
