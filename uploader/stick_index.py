"""What stands on a stick: names, pieces, the index, the marker, the list for people. Pure.

    edge-agent-stick.json                      the marker: made once, by people
    READ-ME.txt                                for whoever finds the stick
    rooms/<room>/LECTURES.txt                  what this room has put here, for people
    rooms/<room>/index-a.jws, index-b.jws      the same for the platform, signed by the room; the
                                               one with the higher serial number holds
    rooms/<room>/<lecture>/<name>              a whole file
    rooms/<room>/<lecture>/<name>.001 …        pieces of one that did not fit
    acknowledgements/*.txt                     signed receipts, one a line, written by the platform

Two indexes in turn, because on FAT no file can be replaced without a moment at which it is torn.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from uploader.exchange import Piece
from uploader.keys import Key
from uploader.sender import Artifact

FORMAT = "edge-agent stick 1"
#: The `typ` of a signed index.
INDEX = "stick-index+jws"
MARKER = "edge-agent-stick.json"
ACKNOWLEDGEMENTS = "acknowledgements"
ROOMS = "rooms"
#: A file that does not fit is divided at multiples of this, wherever its pieces go.
PIECE_BYTES = 256 << 20
#: FAT32's largest file.
LARGEST = (1 << 32) - 1
#: Kept free for indexes and acknowledgements.
RESERVE = 32 << 20

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True, slots=True)
class Marker:
    """Says that a stick is ours: its id, its label, and the platforms' keys that it is for."""

    stick: str
    label: str
    keys: tuple[str, ...]

    @classmethod
    def of(cls, text: bytes) -> Marker | None:
        found = _object(text)
        if found is None or found.get("format") != FORMAT:
            return None
        stick, label, keys = found.get("stick"), found.get("label"), found.get("keys")
        if not (isinstance(stick, str) and re.fullmatch(r"[0-9a-f]{8}", stick)):
            return None
        if not isinstance(keys, list):
            return None
        return cls(stick, label if isinstance(label, str) else stick, tuple(map(str, keys)))

    def text(self) -> bytes:
        said = {"format": FORMAT, "stick": self.stick, "label": self.label, "keys": self.keys}
        return (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode()

    def is_for(self, keys: Iterable[Key]) -> bool:
        """Is it for a platform whose acknowledgements we believe? Last days do not matter here."""
        wanted = {(key.id, key.raw) for key in keys}
        return any((key.id, key.raw) in wanted for key in _keys(self.keys))


@dataclass(frozen=True, slots=True)
class Entry:
    """A stretch of a file, as a file on the stick. `serial`: of the first index that names it."""

    lecture: str
    name: str
    bytes: int
    sha256: str
    media_type: str
    file: str
    offset: int
    length: int
    piece_sha256: str
    serial: int
    utc: str

    @property
    def artifact(self) -> Artifact:
        return Artifact(self.name, self.bytes, self.sha256, self.media_type)

    def is_of(self, lecture: str, artifact: Artifact) -> bool:
        mine = (self.lecture, self.name, self.sha256)
        return mine == (lecture, artifact.name, artifact.sha256)


@dataclass(frozen=True, slots=True)
class Index:
    """What one room has on one stick."""

    serial: int = 0
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any], stick: str) -> Index | None:
        """From what a signed index says; None when it is another stick's, or makes no sense."""
        if said.get("format") != FORMAT or said.get("stick") != stick:
            return None
        try:
            entries = tuple(
                Entry(**{each.name: one[each.name] for each in fields(Entry)})
                for one in said["files"]
            )
            return cls(int(said["serial"]), entries)
        except (KeyError, TypeError, ValueError):
            return None

    def said(self, **about: str) -> dict[str, Any]:
        """What is signed."""
        files = [asdict(entry) for entry in self.entries]
        return {"format": FORMAT, **about, "serial": self.serial, "files": files}

    def added(self, entry: Entry) -> Index:
        kept = tuple(each for each in self.entries if each.file != entry.file)
        return Index(self.serial + 1, (*kept, entry))

    def without(self, gone: Iterable[Entry]) -> Index:
        files = {entry.file for entry in gone}
        kept = tuple(entry for entry in self.entries if entry.file not in files)
        return Index(self.serial + 1, kept)


def safe(name: str) -> str:
    """The name that a file has on FAT and exFAT: no letter's case counts there, some words are
    devices, and many characters are forbidden. Different names stay different."""
    if _PLAIN.fullmatch(name) and not _RESERVED.fullmatch(name) and not _is_odd(name):
        return name
    kept = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip(".-")[:60]
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{mark}-{kept}" if kept else mark


def _is_odd(name: str) -> bool:
    """A trailing dot is lost on FAT; .part and numbers at the end mean something here."""
    return name.endswith((".", ".part")) or re.search(r"\.\d{3,}$", name) is not None


def grid(size: int, piece: int) -> list[Piece]:
    """The pieces of a file of so many bytes; an empty file is one."""
    return [Piece(at, min(piece, size - at)) for at in range(0, size, piece)] or [Piece(0, 0)]


def missing(size: int, piece: int, there: Sequence[Piece]) -> list[Piece]:
    """The pieces that no stretch of `there` covers."""

    def covers(one: Piece, wanted: Piece) -> bool:
        end = wanted.offset + wanted.length
        return one.offset <= wanted.offset and end <= one.offset + one.length

    return [each for each in grid(size, piece) if not any(covers(one, each) for one in there)]


def file_of(lecture: str, artifact: Artifact, stretch: Piece, piece: int) -> str:
    """Where a stretch of a file lies, below the room's folder."""
    path = f"{safe(lecture)}/{safe(artifact.name)}"
    if stretch.length == artifact.bytes:
        return path
    return f"{path}.{stretch.offset // piece + 1:03d}"


def list_for_people(
    heading: str, index: Index, about: Mapping[str, str], piece: int = PIECE_BYTES
) -> str:
    """LECTURES.txt; `about` has a line for each lecture. Line ends are for any editor."""
    lines = [heading, ""]
    for lecture in dict.fromkeys(entry.lecture for entry in index.entries):
        lines += [about.get(lecture) or lecture, f"  folder {safe(lecture)}"]
        mine = [entry for entry in index.entries if entry.lecture == lecture]
        for name, sha256 in dict.fromkeys((entry.name, entry.sha256) for entry in mine):
            parts = [e for e in mine if (e.name, e.sha256) == (name, sha256)]
            lines.append(f"  {name:<24} {_size(parts[0].bytes):>10}  {_what(parts, piece)}")
        lines.append("")
    lines += [
        "Whole files can be played from here. To join pieces by hand, bring all numbered ones of a",
        "file into one folder, in the order of their numbers:",
        "  Windows:  copy /b NAME.001+NAME.002+NAME.003 NAME",
        "  others:   cat NAME.??? > NAME",
        "Please change nothing on this stick: what was altered is refused, and has to come again.",
    ]
    return "\r\n".join(lines) + "\r\n"


def _what(parts: Sequence[Entry], piece: int) -> str:
    whole = grid(parts[0].bytes, piece)
    if any(entry.length == entry.bytes for entry in parts):
        return "whole"
    numbers = sorted(entry.offset // piece + 1 for entry in parts)
    words = ", ".join(map(str, numbers))
    rest = (
        "" if len(numbers) == len(whole) else "; the others are on other sticks, or still to come"
    )
    return f"pieces {words} of {len(whole)}{rest}"


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"


def _keys(texts: Iterable[str]) -> Iterable[Key]:
    for text in texts:
        try:
            yield Key.of(text)
        except ValueError:
            continue  # what stands on a stick may be anything


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
