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
