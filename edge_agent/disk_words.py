"""What a disk that refuses means for people, and the next step. Pure."""

from __future__ import annotations

import errno
from typing import NamedTuple

CHECK = "restart this PC, which checks its disk"
_KEPT = "what was recorded before is kept"


class Words(NamedTuple):
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}"


#: Neither passes by itself. ext4 refuses all writing once it has found an error, until it was
#: checked, and that is done when the PC starts.
_FATES = {
    errno.EROFS: Words(
        "the disk is read-only: the system has found errors on it",
        f"{CHECK}; {_KEPT}",
    ),
    errno.EIO: Words(
        "the disk fails",
        f"{CHECK}; if it fails again, replace the disk; {_KEPT}",
    ),
}


def fate(error: OSError) -> Words | None:
    """None: nothing is wrong with the disk as such; it is full, say, or there is no such file."""
    return _FATES.get(error.errno or 0)


def words(error: OSError) -> str:
    """One line. The path stands in it only where it tells something."""
    found = fate(error)
    if found is not None:
        return str(found)
    place = f" ({error.filename})" if error.filename else ""
    return f"the disk refuses: {error.strerror or error}{place}"
