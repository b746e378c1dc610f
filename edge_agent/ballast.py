"""The ledger's own reserve: a file beside it that is given up when the disk is full.

On a full disk SQLite cannot even delete. With the ballast gone it can go on for a long time: a
lecture's rows are some kilobytes, the ballast is megabytes. It is made again when there is room.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

NAME = "ledger.ballast"
BYTES = 8 << 20
#: It is made again only when so much is free: it must not be what fills the disk.
ROOM_BYTES = 16 * BYTES


def is_full(error: Exception) -> bool:
    """Whether SQLite has found the disk full, or whoever wrote a file beside the ledger."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


class Ballast:
    """The reserve of the ledger at `ledger`."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_name(NAME)

    def give_up(self) -> bool:
        """Free the reserve. True if there was one."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def keep(self, free_bytes: int) -> None:
        """Make the reserve if it is not there and there is room for it.

        Only reserves blocks and does not sync: after a power cut it is simply made again.
        """
        if free_bytes < ROOM_BYTES or self._path.exists():
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.posix_fallocate(descriptor, 0, BYTES)
            except OSError:
                self._path.unlink()
            finally:
                os.close(descriptor)
