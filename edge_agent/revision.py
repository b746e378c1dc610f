"""Give a package a new revision, with one more file or other words, all at once.

A second folder is made of links to what stays and of a new manifest with its checksums; then the
two folders change their names in one step. So whoever looks, and whatever power cut comes, sees one
revision or the other and never a half. An open file of the old one stays readable.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from edge_agent.durable import sync_folder, write_durably
from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.dublin_core import dublin_core
from edge_agent.rules.manifest import (
    Caption,
    Manifest,
    MediaFile,
    manifest_json,
    with_details,
    with_renditions,
)
from edge_agent.rules.webvtt import language_of
from edge_agent.verify import MANIFEST, SUMS, file_sha256

#: What Opencast reads of a lecture.
CATALOG = "dublincore.xml"

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def add_to_package(package: Path, work: Path, path: Path, entry: MediaFile) -> None:
    """Put the durable file `path`, which `entry` describes, into the package.

    `work` is a folder on the same disk. Raises OSError; then the package is as it was.
    """
    fresh = _copy(package, work, without={entry.name})
    os.link(path, fresh / entry.name)
    document = with_renditions(read_manifest(package), [entry])
    _put_in_place(fresh, package, document, {entry.name: entry.sha256})


def says(package: Path, facts: LectureFacts, captions: Path) -> bool:
    """Whether the package has these words, and the captions of that folder. Raises OSError."""
    old = read_manifest(package)
    return old == with_details(old, facts, _described(read_captions(captions)))


def say_anew(package: Path, work: Path, facts: LectureFacts, captions: Path) -> None:
    """Let the package say of the lecture what `facts` say, with the captions of that folder.

    `work` is a folder on the same disk. Raises OSError; then the package is as it was.
    """
    old = read_manifest(package)
    found = read_captions(captions)
    document = with_details(old, facts, _described(found))
    before = {each.name for each in old.caption or ()}
    fresh = _copy(package, work, without={CATALOG, *before, *found})
    written = {CATALOG: dublin_core(facts, old.duration_seconds), **found}
    for name, data in written.items():
        write_durably(fresh / name, data)
    changed = {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}
    _put_in_place(fresh, package, document, changed, gone=before - found.keys())


def read_captions(folder: Path) -> dict[str, bytes]:
    """The captions that people have put to a lecture, by their names in its package."""
    if not folder.is_dir():
        return {}
    found = sorted(path for path in folder.iterdir() if language_of(path.name) is not None)
    return {path.name: path.read_bytes() for path in found}


def _described(found: Mapping[str, bytes]) -> list[Caption]:
    return [
        Caption(
            name=name,
            in_language=language_of(name) or "",
            content_size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in found.items()
    ]


def read_manifest(package: Path) -> Manifest:
    """Raises OSError, ValidationError."""
    return Manifest.model_validate_json((package / MANIFEST).read_bytes())


def _copy(package: Path, work: Path, without: Collection[str]) -> Path:
    """A second folder with the same files, but for those that become others."""
    fresh = work / "package"
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir()
    for old in package.iterdir():
        if old.name not in (MANIFEST, SUMS, *without):
            os.link(old, fresh / old.name)
    return fresh


def _put_in_place(
    fresh: Path,
    package: Path,
    document: Manifest,
    changed: dict[str, str],
    gone: Collection[str] = (),
) -> None:
    """Write manifest and checksums, then let the two folders change their names."""
    write_durably(fresh / MANIFEST, manifest_json(document))
    sums = _sums(package) | changed | {MANIFEST: file_sha256(fresh / MANIFEST)}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items()) if name not in gone]
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
