"""What a folder, a share or a stick can do, found by trial in a folder of its own there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from uploader.disk import sync_folder
from uploader.probe import Finding, absent, broken, kept

SPEED_BYTES = 8 << 20
#: FAT32 holds files of one byte less.
LARGE = 1 << 32
LONG_NAME = "n" * 200
TRIAL = ".edge-agent-test"


def probe_folder(folder: Path, *, divides: bool = False) -> list[Finding]:
    """All findings; nothing stays there. `divides`: large files are divided anyway."""
    if not folder.is_dir():
        return [broken("reachable", f"{folder} is not there; plug the disk in or mount the share")]
    try:
        with _trial(folder) as place:
            steps = (_write, _rename, _names, _locks, lambda p: _large(p, divides))
            found = [kept("reachable", _free(folder))]
            for step in steps:
                found += step(place)
            return [*found, kept("clean-up", "what was written for this test is gone")]
    except OSError as error:
        words = f"{folder} cannot be written ({error.strerror}); let the agent's user write there"
        return [broken("reachable", words)]


@contextmanager
def _trial(folder: Path) -> Iterator[Path]:
    place = folder / f"{TRIAL}-{os.getpid()}"
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _free(folder: Path) -> str:
    return f"it can be written, {shutil.disk_usage(folder).free / (1 << 30):.1f} GiB are free"


def _write(place: Path) -> list[Finding]:
    """Raises OSError when not even that works."""
    began = time.monotonic()
    with (place / "speed").open("wb") as stream:
        stream.write(os.urandom(SPEED_BYTES))
        stream.flush()
        synced = _works(lambda: os.fsync(stream.fileno()))
    rate = SPEED_BYTES / max(time.monotonic() - began, 1e-6) / (1 << 20)
    synced = _works(lambda: sync_folder(place)) if synced is None else synced
    speed = kept("speed", f"about {rate:.0f} MiB/s, synced")
    if synced is None:
        return [kept("sync", "what it calls written has been asked to be on the disk"), speed]
    return [broken("sync", f"it does not sync ({synced}): a power cut there may cost files"), speed]


def _rename(place: Path) -> list[Finding]:
    (place / "old").write_bytes(b"old")
    (place / "new").write_bytes(b"new")
    why = _works(lambda: (place / "new").rename(place / "old"))
    if why is None and (place / "old").read_bytes() == b"new" and not (place / "new").exists():
        return [kept("rename", "a file gets its name when it is whole")]
    return [broken("rename", f"files cannot be renamed over others ({why or 'wrong content'})")]


def _names(place: Path) -> list[Finding]:
    why = _works(lambda: (place / LONG_NAME).write_bytes(b""))
    if why is not None:
        return [broken("names", f"long names are refused ({why})")]
    if (place / LONG_NAME.upper()).exists():
        return [kept("names", "long names; capital letters make no difference there")]
    return [kept("names", "long names")]


def _locks(place: Path) -> list[Finding]:
    """Two senders at once are kept apart by a lock."""
    with (place / "lock").open("wb") as first, (place / "lock").open("wb") as second:
        why = _works(lambda: fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB))
        if why is None and _works(lambda: fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)):
            return [kept("locks", "two senders cannot write the same file at once")]
    words = "it keeps no locks: only one PC may send there"
    return [absent("locks", f"{words} ({why})" if why else words)]


def _large(place: Path, divides: bool) -> list[Finding]:
    """Only the length is set: nothing is written."""
    try:
        with (place / "large").open("wb") as stream:
            stream.truncate(LARGE)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return [absent("large files", "there is no room to try a file of more than 4 GiB")]
        if divides:
            return [kept("large files", "none of more than 4 GiB: they are divided")]
        words = "it takes no file of more than 4 GiB; format it as exFAT or ext4"
        return [broken("large files", words)]
    return [kept("large files", "files of more than 4 GiB")]


def _works(act: Callable[[], object]) -> str | None:
    """None when it works, else the system's words."""
    try:
        act()
    except OSError as error:
        return error.strerror or str(error)
    return None
