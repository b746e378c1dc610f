"""Give a package a new revision, with one more file or other words, all at once.

A second folder is made of links to what stays and of a new manifest with its checksums; then the
two folders change their names in one step. So whoever looks, and whatever power cut comes, sees one
revision or the other and never a half. An open file of the old one stays readable.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

from edge_agent.durable import sync_folder, write_durably
from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.manifest import (
    Manifest,
    MediaFile,
    dublin_core,
    manifest_json,
    with_details,
    with_renditions,
)
from edge_agent.verify import MANIFEST, SUMS, file_sha256

#: What Opencast reads of a lecture.
CATALOG = "dublincore.xml"

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def add_to_package(package: Path, work: Path, path: Path, entry: MediaFile) -> None:
    """Put the durable file `path`, which `entry` describes, into the package.

    `work` is a folder on the same disk. Raises OSError; then the package is as it was.
    """
    fresh = _copy(package, work, without=entry.name)
    os.link(path, fresh / entry.name)
    document = with_renditions(read_manifest(package), [entry])
    _put_in_place(fresh, package, document, {entry.name: entry.sha256})


def say_anew(package: Path, work: Path, facts: LectureFacts) -> bool:
    """Let the package say of the lecture what `facts` say; False: it does already.

    `work` is a folder on the same disk. Raises OSError; then the package is as it was.
    """
    old = read_manifest(package)
    document = with_details(old, facts)
    if document == old:
        return False
    fresh = _copy(package, work, without=CATALOG)
    write_durably(fresh / CATALOG, dublin_core(facts, old.duration_seconds))
    _put_in_place(fresh, package, document, {CATALOG: file_sha256(fresh / CATALOG)})
    return True


def read_manifest(package: Path) -> Manifest:
    """Raises OSError, ValidationError."""
    return Manifest.model_validate_json((package / MANIFEST).read_bytes())


def _copy(package: Path, work: Path, without: str) -> Path:
    """A second folder with the same files, but for those that become others."""
    fresh = work / "package"
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir()
    for old in package.iterdir():
        if old.name not in (MANIFEST, SUMS, without):
            os.link(old, fresh / old.name)
    return fresh


def _put_in_place(fresh: Path, package: Path, document: Manifest, changed: dict[str, str]) -> None:
    """Write manifest and checksums, then let the two folders change their names."""
    write_durably(fresh / MANIFEST, manifest_json(document))
    sums = _sums(package) | changed | {MANIFEST: file_sha256(fresh / MANIFEST)}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    write_durably(fresh / SUMS, "".join(lines).encode())
    exchange(fresh, package)
    sync_folder(package.parent)
    sync_folder(fresh.parent)
    shutil.rmtree(fresh)


def _sums(package: Path) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in (package / SUMS).read_text().splitlines()]
    return {name: digest for digest, name in lines}


def exchange(one: Path, other: Path) -> None:
    """Let two folders change names in one step. Raises OSError where the disk cannot do that.

    ext4, XFS, Btrfs and tmpfs can (renameat2(2)); Python does not offer it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(other))
    done = library.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
    )
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
