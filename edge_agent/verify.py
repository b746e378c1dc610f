"""Is a package what its manifest says? Reads every byte; changes nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge_agent.rules.manifest import Manifest
from edge_agent.rules.webvtt import language_of

MANIFEST = "manifest.json"
SUMS = "manifest-sha256.txt"
CHUNK_BYTES = 8 * 1024 * 1024
#: A folder in which a destination keeps its receipts beside what it received.
RECEIPTS = "receipts"

_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """`file` is a name in the package; `what` is for people."""

    file: str
    what: str


def file_sha256(path: Path, on_chunk: Callable[[], None] = lambda: None) -> str:
    """The file's SHA-256 in hex; `on_chunk` hears of each 8 MiB, so that a caller can sign life."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            on_chunk()
    return digest.hexdigest()


def verify_package(folder: Path, on_chunk: Callable[[], None] = lambda: None) -> list[Problem]:
    """Everything that is wrong with a package; empty when nothing is."""
    try:
        sums, problems = _read_sums(folder)
        there = {entry.name for entry in folder.iterdir() if entry.name != RECEIPTS}
        there -= {name for name in there - sums.keys() if language_of(name)}  # a destination's
    except OSError as error:
        return [Problem(SUMS, f"cannot be read: {error.strerror}; build the package again")]
    problems += [
        Problem(name, f"is not listed in {SUMS}") for name in sorted(there - sums.keys() - {SUMS})
    ]
    for name, expected in sorted(sums.items()):
        if name not in there:
            problems.append(Problem(name, "is missing"))
        elif (found := _sha256_or_reason(folder / name, on_chunk)) != expected:
            problems.append(Problem(name, f"has another content than listed in {SUMS}: {found}"))
    return problems + _check_manifest(folder, sums)


def listed(folder: Path) -> dict[str, str]:
    """The checksums of a package by name, as far as its list can be read. Raises OSError."""
    return _read_sums(folder)[0]


def _read_sums(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    sums: dict[str, str] = {}
    problems = []
    for number, line in enumerate((folder / SUMS).read_bytes().splitlines(), 1):
        match = _LINE.fullmatch(line.decode(errors="replace"))
        if match is None or match[2] in sums:
            problems.append(Problem(SUMS, f"line {number} is not a new checksum and file name"))
        else:
            sums[match[2]] = match[1]
    return sums, problems


def _sha256_or_reason(path: Path, on_chunk: Callable[[], None]) -> str:
    try:
        return file_sha256(path, on_chunk)
    except OSError as error:
        return error.strerror or str(error)


def _check_manifest(folder: Path, sums: dict[str, str]) -> list[Problem]:
    try:
        document = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        return [Problem(MANIFEST, f"cannot be read: {error.strerror}")]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return [Problem(MANIFEST, f"is not a manifest of version 1: {where}: {first['msg']}")]
    problems = []
    for media in (*document.encoding, *(document.caption or ())):
        if sums.get(media.name) != media.sha256:
            problems.append(Problem(media.name, f"has another checksum in {MANIFEST}"))
        path = folder / media.name
        if path.is_file() and path.stat().st_size != media.content_size:
            problems.append(Problem(media.name, f"has another size than {MANIFEST} says"))
    return problems
