"""Disks that are small, slow, dying or read-only."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HARDWARE = Path(__file__).parent.parent / "hardware"
_CLONE_NEWNS = 0x00020000


@contextmanager
def memory_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A tmpfs of this size. Needs root; mounted for this process and its children only."""
    _own_mounts()
    place = folder / "memory"
    place.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", place)
    try:
        yield place
    finally:
        _run("umount", "--lazy", place)


def _own_mounts() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace: this test needs root")
    _run("mount", "--make-rprivate", "/")


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A real ext4 of this size. Needs root; mounted for this process and its children only."""
    _own_mounts()
    image, place = folder / "small.img", folder / "small"
    place.mkdir()
    _run("truncate", "--size", f"{mib}M", image)
    _run("mkfs.ext4", "-q", "-F", "-m", "0", image)
    _run("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        _run("umount", "--lazy", place)


class BreakingDisk:
    """A real ext4 that the kernel itself stops writing to; it can be checked and mounted anew."""

    def __init__(self, image: Path, place: Path, store: Path) -> None:
        self.place = place
        self._image = image
        self._store = store

    def mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", self._image, self.place)

    def unmount(self) -> None:
        _run("umount", self.place)

    def find_error(self) -> None:
        """The file system finds an error, as on a drive that ages: it is read-only from now on."""
        Path("/sys/fs/ext4", self._device().name, "trigger_fs_error").write_text("test\n")

    def fail_writing(self) -> None:
        """The block device refuses what is written anew: its store is full, behind its back."""
        filler = os.open(self._store / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            _swallow(filler)
        finally:
            os.close(filler)

    def check_and_mount(self) -> None:
        """What a PC does when it starts. The block device is whole again."""
        self.unmount()
        (self._store / "filler").unlink(missing_ok=True)
        checked = subprocess.run(["e2fsck", "-p", self._image], capture_output=True, check=False)
        assert checked.returncode in (0, 1), checked.stdout  # 1: it has mended something
        self.mount()

    def _device(self) -> Path:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        return next(Path(words[0]) for words in mounts if words[1] == str(self.place))


@contextmanager
def breaking_disk(folder: Path, mib: int) -> Iterator[BreakingDisk]:
    """Needs root; mounted for this process and its children only."""
    with memory_disk(folder, mib) as store:
        image, place = store / "disk.img", folder / "disk"
        place.mkdir()
        _run("truncate", "--size", f"{mib}M", image)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", image)
        disk = BreakingDisk(image, place, store)
        disk.mount()
        try:
            yield disk
        finally:
            _run("umount", "--lazy", place)


@contextmanager
def filled(place: Path) -> Iterator[None]:
    """Not one byte is free, as far as others can help it."""
    filler = place / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        _swallow(descriptor)
        yield
    finally:
        os.close(descriptor)
        filler.unlink()


def _swallow(descriptor: int) -> None:
    """Reserve ever smaller pieces until there is none left."""
    at, step = 0, 64 << 20
    while step >= 4096:
        try:
            os.posix_fallocate(descriptor, at, step)
            at += step
        except OSError:
            step //= 2


@dataclass(frozen=True)
class FaultyDisk:
    """Faults of all files below a folder; see hardware/faultydisk.c."""

    control: Path
    env: Mapping[str, str]

    def break_(self, fault: str, text: str = "") -> None:
        """`fault`: eio, enospc, readonly, slow (seconds). `text` limits it to some paths."""
        fresh = self.control / "fresh"
        fresh.write_text(text)
        fresh.rename(self.control / fault)

    def mend(self, fault: str) -> None:
        (self.control / fault).unlink()

    def log(self) -> list[tuple[str, str]]:
        """What was done since `break_("log")`: operation and path."""
        lines = (self.control / "log").read_text().splitlines()
        return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def faulty_disk(folder: Path, files: Path) -> FaultyDisk:
    """The library, built in `folder`, for the disk that holds `files`."""
    control, library = folder / "faults", folder / "faultydisk.so"
    control.mkdir()
    source = HARDWARE / "faultydisk.c"
    _run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl")
    return FaultyDisk(
        control,
        {
            "FAULTYDISK_DIR": str(files),
            "FAULTYDISK_CONTROL": str(control),
            "LD_PRELOAD": str(library),
        },
    )


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)
