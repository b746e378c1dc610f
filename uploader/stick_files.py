"""A prepared stick and what this room has on it. Never writes where there is no marker of ours.

The order on the stick: bytes, read back, under their own name, then the index, then the list for
people; each is synced before the next, so that it may be pulled out at any moment.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from uploader import stick_index as plan
from uploader.bodies import Source
from uploader.disk import CHUNK, SYNC_EVERY, make_folder, sync_folder, unusable, write_all
from uploader.exchange import Piece
from uploader.keys import Key
from uploader.sender import Progress, Transient
from uploader.signing import Worthless, opened, sealed
from uploader.stick_index import Entry, Index, Marker

#: Acknowledgements beyond this are not of this world.
MOST_BYTES = 64 << 20
_INDEXES = ("index-a.jws", "index-b.jws")


@dataclass(frozen=True, slots=True)
class Room:
    """Who writes: the room's name for people, its key, and the agent that does it."""

    name: str
    key: Ed25519PrivateKey
    agent: str

    @property
    def public(self) -> Key:
        raw = self.key.public_key().public_bytes_raw()
        return Key(hashlib.sha256(raw).hexdigest()[:16], raw)


def marker_at(root: Path) -> Marker | None:
    """The marker in a folder, if it is a prepared stick's."""
    try:
        return Marker.of((root / plan.MARKER).read_bytes())
    except OSError:
        return None


def find(folder: Path) -> list[Path]:
    """Folders with a marker: this one, those in it, and those in them (…/user/label)."""
    found, level = [], [folder]
    for _ in range(3):
        below: list[Path] = []
        for each in level:
            if marker_at(each) is not None:
                found.append(each)
            else:
                with suppress(OSError), os.scandir(each) as entries:
                    below += [Path(e) for e in entries if e.is_dir(follow_symlinks=False)]
        level = sorted(below)
    return found


def news_of(root: Path) -> object:
    """Another value means: another stick, or other acknowledgements."""
    found: list[object] = [root, marker_at(root)]
    for file in _acknowledgements(root):
        with suppress(OSError):
            stat = file.stat()
            found.append((file.name, stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def _acknowledgements(root: Path) -> list[Path]:
    with suppress(OSError):
        return sorted((root / plan.ACKNOWLEDGEMENTS).glob("*.txt"))
    return []


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Stick:
    """One stick that is plugged in. `root` is where it is mounted."""

    def __init__(
        self, root: Path, marker: Marker, room: Room, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self.root = root
        self.marker = marker
        self._room = room
        self._free = free

    @property
    def folder(self) -> Path:
        """This room's; a room that was renamed keeps its folder."""
        rooms = self.root / plan.ROOMS
        ending = f"-{self._room.public.id}"
        with suppress(FileNotFoundError):
            for folder in sorted(rooms.iterdir()):
                if folder.name.endswith(ending):
                    return folder
        slug = re.sub(r"[^a-z0-9]+", "-", self._room.name.lower()).strip("-")[:30] or "room"
        return rooms / f"{slug}{ending}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. Raises Transient, also for what goes wrong inside."""
        try:
            with (self.root / plan.MARKER).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
        except BlockingIOError:
            raise Transient(
                f"another upload is at work on the stick {self.marker.label}; wait for it"
            ) from None
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self.full() from error
            if marker_at(self.root) != self.marker:
                raise Transient(
                    f"the stick {self.marker.label} was pulled out; put it in again: "
                    "it goes on where it stopped"
                ) from error
            raise unusable(self.root, error) from error

    def full(self) -> Transient:
        return Transient(
            f"the stick {self.marker.label} is full; take it out, which is safe now, and put in "
            "another stick"
        )

    def index(self) -> Index:
        """The newest index that this room has signed; what is no longer there is not in it."""
        best, _ = self._newest()
        folder = self.folder
        kept = [entry for entry in best.entries if _is_there(folder / entry.file, entry.length)]
        return replace(best, entries=tuple(kept))

    def _newest(self) -> tuple[Index, str]:
        """And the name of its file."""
        best, name = Index(), _INDEXES[1]
        for each in _INDEXES:
            try:
                text = (self.folder / each).read_bytes()
                said = opened(text, plan.INDEX, [self._room.public], "")
            except (FileNotFoundError, Worthless):
                continue  # torn, or never written: the other one holds
            found = Index.of(said, self.marker.stick)
            if found is not None and found.serial >= best.serial:
                best, name = found, each
        return best, name

    def write_index(self, index: Index, utc: str, about: Mapping[str, str], piece: int) -> None:
        """Both indexes in turn; then the list for people."""
        room, marker = self._room, self.marker
        said = index.said(
            stick=marker.stick,
            room=room.name,
            agent=room.agent,
            key=room.public.text,
            utc=utc,
        )
        _, current = self._newest()
        other = _INDEXES[1 - _INDEXES.index(current)]
        self._put(other, sealed(said, plan.INDEX, room.key, room.public.id).encode() + b"\n")
        heading = f"Room {room.name}, stick {marker.label} ({marker.stick}), {utc}, {room.agent}"
        text = plan.list_for_people(heading, index, about, piece)
        self._put("LECTURES.txt", b"\xef\xbb\xbf" + text.encode())

    def _put(self, name: str, data: bytes) -> None:
        with (self.folder / name).open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(self.folder)

    def room_for(self, file: str, length: int) -> bool:
        """Does it fit, with what has come of it already? What no index names gives way."""
        if self._fits(file, length):
            return True
        indexed = {self.folder / entry.file for entry in self.index().entries}
        mine = {self.folder / file, self._part(file)}
        for other in set(self.folder.glob("*/*")) - indexed - mine:
            other.unlink(missing_ok=True)
        return self._fits(file, length)

    def _fits(self, file: str, length: int) -> bool:
        part = self._part(file)
        done = part.stat().st_size if part.exists() else 0
        return self._free(self.root) + done >= length + plan.RESERVE

    def _part(self, file: str) -> Path:
        return self.folder / f"{file}.part"

    def write(
        self, source: Source, stretch: Piece, file: str, sha256: str, progress: Progress
    ) -> None:
        """Bring a stretch of the source there, from where the last try ended. Raises OSError,
        Transient, Permanent."""
        final, part = self.folder / file, self._part(file)
        for folder in (self.root / plan.ROOMS, self.folder, final.parent):
            make_folder(folder)
        if final.exists():  # not in the index: a kill came between; what is right of it is kept
            final.replace(part)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _copy(source, stretch, descriptor, progress)
            _read_back(descriptor, stretch, sha256, self.marker.label, progress)
        finally:
            os.close(descriptor)
        if marker_at(self.root) != self.marker:
            raise Transient(
                f"the stick {self.marker.label} was taken out while it was written; put it in again"
            )
        part.rename(final)
        sync_folder(final.parent)

    def remove(self, entries: list[Entry]) -> None:
        for entry in entries:
            file = self.folder / entry.file
            file.unlink(missing_ok=True)
            with suppress(OSError):  # not empty yet, or gone already
                file.parent.rmdir()

    def lines(self) -> Iterator[bytes]:
        """All lines of all acknowledgements; what they are worth is to be seen."""
        for file in _acknowledgements(self.root):
            with suppress(OSError), file.open("rb") as stream:
                yield from stream.read(MOST_BYTES).splitlines()


def _is_there(file: Path, length: int) -> bool:
    try:
        return file.stat().st_size == length
    except OSError:
        return False


def _copy(source: Source, stretch: Piece, target: int, progress: Progress) -> None:
    """Keep what is there and right, append the rest. Raises Permanent for our own disk's faults."""
    held = min(os.fstat(target).st_size, stretch.length)
    at = 0
    while at < held:
        ours = source.block(stretch, at, min(CHUNK, held - at))
        if os.pread(target, len(ours), at) != ours:
            break
        at += len(ours)
        progress("verifying", stretch.offset + at)
    os.ftruncate(target, at)
    os.lseek(target, at, os.SEEK_SET)
    unsynced = 0
    while at < stretch.length:
        data = source.block(stretch, at, CHUNK)
        write_all(target, data)
        at, unsynced = at + len(data), unsynced + len(data)
        if unsynced >= SYNC_EVERY:
            os.fdatasync(target)
            unsynced = 0
        progress("copying", stretch.offset + at)
    os.fsync(target)


def _read_back(target: int, stretch: Piece, sha256: str, label: str, progress: Progress) -> None:
    """Read what the stick holds, not what the page cache remembers."""
    os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    digest = hashlib.sha256()
    at = 0
    while data := os.pread(target, CHUNK, at):
        digest.update(data)
        at += len(data)
        progress("verifying", stretch.offset + at)
    if digest.hexdigest() != sha256:
        os.ftruncate(target, 0)
        raise Transient(
            f"the stick {label} gives back other bytes than were written; use another stick, "
            "this one may be dying"
        )
