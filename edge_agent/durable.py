"""The one recipe for small durable files: new file, write, fsync, rename, fsync folder."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def write_durably(
    path: Path, data: bytes, mode: int | None = None, owner: tuple[int, int] | None = None
) -> None:
    """Replace `path` by `data`; after a power cut there is the old content or the new one.

    With `mode` (and `owner`: user and group) the new file has them before its first byte.
    """
    fresh = path.with_name(path.name + ".part")
    with fresh.open("wb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def write_in_new_folder(path: Path, data: bytes) -> None:
    """Make a folder with one file in it; a power cut before the return may leave half of it.

    The three syncs wait for the disk together: one after the other they are 6 s on a bad disk, and
    a lecture begins only after them.
    """
    make_folder_durably(path.parent.parent)
    path.parent.mkdir()
    path.write_bytes(data)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(_sync, (path, path.parent, path.parent.parent)))


def remove_durably(path: Path) -> None:
    """Remove a file that may be gone already; after a power cut it does not come back."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder_durably(path: Path) -> None:
    """Make a folder (and parents) whose name survives a power cut."""
    if path.is_dir():
        return
    make_folder_durably(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path, os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    _sync(path)


def _sync(path: Path, flags: int = 0) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
