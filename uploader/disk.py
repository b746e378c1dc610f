"""Writing to disks that people plug in: what the folder and the stick have in common."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from uploader.sender import Transient

CHUNK = 1 << 20
#: A stick takes seconds for this; one fdatasync of a whole lecture would take minutes in silence.
SYNC_EVERY = 16 << 20

_HINTS = {
    errno.ENOSPC: "it is full; free some space there",
    errno.EDQUOT: "its quota is used up; ask for more space",
    errno.EROFS: "it is read-only; mount it for writing",
    errno.EACCES: "the agent may not write there; give its user the right to",
    errno.EPERM: "the agent may not write there; give its user the right to",
    errno.EFBIG: "its file system cannot hold a file of this size; format it as exFAT or ext4",
}


def unusable(folder: Path, error: OSError) -> Transient:
    """The error for people: what is wrong with the disk, and what to do."""
    hint = _HINTS.get(error.errno or 0, "check the disk and its connection")
    return Transient(f"cannot use {folder} ({error.strerror}): {hint}")


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
