"""Locks that die with their holder: the proof that a process of ours is alive.

flock on a file in the runtime folder. The file itself means nothing and is never removed:
removing it would let two processes hold "the" lock on two different files.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TRIES, _PAUSE_S = 20, 0.025


class AlreadyRunning(Exception):
    """Another process holds the lock; `what` names the kind of process."""

    def __init__(self, what: str, lock: Path) -> None:
        super().__init__(f"the {what} process is already running (it holds {lock})")
        self.what, self.lock = what, lock


class InUse(AlreadyRunning):
    """By one with another runtime folder: `edge-agent status` asks in ours, and knows nothing."""

    def __init__(self, what: str, folder: Path) -> None:
        super().__init__(what, folder)
        self.args = (f"another {what} process, of another configuration, uses {folder} already",)


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold the lock for the block; AlreadyRunning if another process does."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if not _taken(descriptor):
            raise AlreadyRunning(what, lock)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Besides `only_one`: hold the durable folder itself, whatever the runtime folder is.

    The folder is locked, no file in it, since none can be made on a full disk. InUse if another
    process holds it. A file system that locks no folders (NFS) is taken for ours alone.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            alone = _taken(descriptor)
        except OSError:
            alone = True
        if not alone:
            raise InUse(what, folder)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def only_agent(lock: Path, spool: Path) -> Iterator[None]:
    """Be the agent, or act in its place: hold its lock and its spool. AlreadyRunning, InUse."""
    with only_one(lock, "agent"), alone_in(spool, "agent"):
        yield


def _taken(descriptor: int) -> bool:
    """Take the lock. Several tries: `is_held` of another process holds it for an instant."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def note_holder(lock: Path) -> None:
    """Who holds it, for who must end him. Written in place: a full folder has room for that."""
    with suppress(OSError):
        descriptor = os.open(lock, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, f"{os.getpid():>10}\n".encode(), 0)
        finally:
            os.close(descriptor)


def is_held(lock: Path) -> bool:
    """Is a living process holding this lock? Raises PermissionError when we may not look."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
