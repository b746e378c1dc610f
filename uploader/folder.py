"""A folder as destination: a mounted share, a second disk, a stick.

    <folder>/<lecture>/<name>                 the file, only ever under this name when whole
    <folder>/<lecture>/<name>.part            on its way; resumed at its size by the next try
    <folder>/<lecture>/receipts/<name>.json   written last: these bytes were read back and are right

Never creates the destination folder itself: when a stick is not plugged in, its mount point may
be an empty folder or none, and writing there would fill the system's own disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from uploader import receipts
from uploader.bodies import changed
from uploader.disk import CHUNK, SYNC_EVERY, make_folder, sync_folder, unusable, write_all
from uploader.sender import Artifact, Permanent, Progress, Receipt, Transient


class FolderDestination:
    """See the module's text. `utc` gives the time that a receipt bears."""

    def __init__(self, folder: Path, agent: str, utc: Callable[[], str]) -> None:
        self._folder = folder
        self._agent = agent
        self._utc = utc

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        """The stored receipt, if it is for these bytes and the file has still their size."""
        self._demand_folder()
        final = self._folder / lecture / artifact.name
        try:
            text = _receipt_file(final).read_bytes()
            held = final.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._transient(error) from error
        return receipts.stored(text, artifact) if held == artifact.bytes else None

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if Path(artifact.name).name != artifact.name:
            raise Permanent(f"{artifact.name!r} is not a file name")
        self._demand_folder()
        final = self._folder / lecture / artifact.name
        with _opened(path) as source, self._told():
            make_folder(final.parent)
            make_folder(final.parent / "receipts")
            part = final.with_name(final.name + ".part")
            with _locked(part) as target:
                known = self.receipt(lecture, artifact)  # another sender may have been faster
                if known is None and not _holds(final, artifact, progress):
                    _copy(source, target, artifact, progress)
                    _read_back(target, part, artifact, progress)
                    part.rename(final)
                    sync_folder(final.parent)
                else:
                    part.unlink()
                return known or self._give_receipt(lecture, artifact, final)

    def _demand_folder(self) -> None:
        if not self._folder.is_dir():
            raise Transient(
                f"the folder {self._folder} is not there; plug the disk in or mount the share"
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._transient(error) from error

    def _transient(self, error: OSError) -> Transient:
        return unusable(self._folder, error)

    def _give_receipt(self, lecture: str, artifact: Artifact, final: Path) -> Receipt:
        receipt = receipts.own(lecture, artifact, "verified", self._utc(), self._agent)
        file = _receipt_file(final)
        part = file.with_name(file.name + ".part")
        with part.open("wb") as stream:
            stream.write(json.dumps(receipt, indent=1).encode() + b"\n")
            stream.flush()
            os.fdatasync(stream.fileno())
        part.rename(file)
        sync_folder(file.parent)
        return receipt


def _receipt_file(final: Path) -> Path:
    return final.parent / "receipts" / f"{final.name}.json"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file to send, for reading. What is wrong with it no retry can mend."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Permanent(
            f"{path} cannot be read ({error.strerror}); look into it with: edge-agent storage check"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(part: Path) -> Iterator[int]:
    """The .part file, open and held by this sender alone."""
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_same_file(descriptor, part):
                continue  # its holder renamed it between our open and our lock
            yield descriptor
            return
        except BlockingIOError:
            raise Transient(f"another upload is at work on {part.name}; wait for it") from None
        finally:
            os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holds(final: Path, artifact: Artifact, progress: Progress) -> bool:
    """Is the whole file there already, without its receipt? A kill between the two leaves that."""
    try:
        with final.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size != artifact.bytes:
                return False
            digest = _hash(stream.fileno(), artifact.bytes, progress)
            os.fdatasync(stream.fileno())
    except FileNotFoundError:
        return False
    return digest.hexdigest() == artifact.sha256


def _copy(source: int, target: int, artifact: Artifact, progress: Progress) -> None:
    """Append what is missing; begin again if what is there is not the file's beginning."""
    done = min(os.fstat(target).st_size, artifact.bytes)
    digest = _hash(source, done, progress, _read_source)
    if _hash(target, done, progress).digest() != digest.digest():
        done, digest = 0, hashlib.sha256()
    os.ftruncate(target, done)
    os.lseek(source, done, os.SEEK_SET)
    os.lseek(target, done, os.SEEK_SET)
    unsynced = 0
    while chunk := _read_source(source, CHUNK):
        write_all(target, chunk)
        digest.update(chunk)
        done, unsynced = done + len(chunk), unsynced + len(chunk)
        if unsynced >= SYNC_EVERY:
            os.fdatasync(target)
            unsynced = 0
        progress("copying", done)
    os.fdatasync(target)
    if done != artifact.bytes or digest.hexdigest() != artifact.sha256:
        os.ftruncate(target, 0)
        raise changed(artifact.name)


def _read_back(target: int, part: Path, artifact: Artifact, progress: Progress) -> None:
    """Read what the disk holds, not what the page cache remembers."""
    os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    if _hash(target, artifact.bytes, progress).hexdigest() != artifact.sha256:
        os.ftruncate(target, 0)
        raise Transient(
            f"{part} reads back differently from what was written; check that disk, it may be dying"
        )


def _read_source(descriptor: int, length: int) -> bytes:
    """A fault of our own disk must be told as such, and not be retried for ever."""
    try:
        return os.read(descriptor, length)
    except OSError as error:
        raise Permanent(f"this computer's own disk fails ({error.strerror}); replace it") from error


def _hash(
    descriptor: int,
    length: int,
    progress: Progress,
    read: Callable[[int, int], bytes] = os.read,
) -> hashlib._Hash:
    """SHA-256 of the first `length` bytes (fewer, if the file is shorter)."""
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    done = 0
    while done < length and (chunk := read(descriptor, min(CHUNK, length - done))):
        digest.update(chunk)
        done += len(chunk)
        progress("verifying", done)
    return digest
