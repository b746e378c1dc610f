"""What is known about this PC's encoders: the verdicts of trials, and what they hold for.

A small file in the spool. It counts as long as hardware, drivers and programs are the same ones.
Loads no codec.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from edge_agent import __version__
from edge_agent.durable import write_durably
from encoders.headroom import Effort
from encoders.ladder import Verdict, candidates

Key: TypeAlias = dict[str, Any]
#: Width and height.
Size: TypeAlias = tuple[int, int]
_USUAL: Size = (1920, 1080)

_SYS = Path("/sys")
_FFMPEG_S = 5.0
#: PCI classes of display controllers begin so.
_DISPLAY = "0x03"


@dataclass(frozen=True, slots=True)
class Book:
    """Verdicts in the order of the ladder, and the computer they were found on."""

    key: Key
    tried_utc: str
    verdicts: tuple[Verdict, ...]
    #: What `edge-agent encoders --benchmark` has found last; None before.
    headroom: dict[str, Any] | None = None

    def of(self, codec: str) -> list[Verdict]:
        return [each for each in self.verdicts if each.codec == codec]

    def covers(self, codec: str) -> bool:
        """Whether every candidate of this computer has its verdict."""
        rungs = candidates(codec, self.key["nodes"])
        return [each.name for each in self.of(codec)] == [each.name for each in rungs]

    def with_verdicts(self, codec: str, fresh: Iterable[Verdict], utc: str) -> Book:
        """The same book with another codec's verdicts replaced."""
        kept = tuple(each for each in self.verdicts if each.codec != codec)
        return replace(self, tried_utc=utc, verdicts=(*kept, *fresh))

    def with_headroom(self, found: dict[str, Any]) -> Book:
        return replace(self, headroom=found)

    def effort(self) -> Effort:
        """How pictures are to be recorded on this PC."""
        try:
            return Effort(**self.headroom["effort"]) if self.headroom else Effort()
        except (KeyError, TypeError):  # of another version
            return Effort()


def load(path: Path, key: Key) -> Book:
    """The book, or an empty one if there is none that can be read, or it is of another computer."""
    try:
        found = json.loads(path.read_text())
        book = Book(
            found["key"],
            found["tried_utc"],
            tuple(Verdict(**each) for each in found["verdicts"]),
            found.get("headroom"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Book(key, "", ())
    return book if book.key == key else Book(key, "", ())


def save(path: Path, book: Book) -> None:
    """Raises OSError."""
    data = {
        "key": book.key,
        "tried_utc": book.tried_utc,
        "verdicts": [asdict(verdict) for verdict in book.verdicts],
        "headroom": book.headroom,
    }
    write_durably(path, json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n")


def trial_size(sizes: Iterable[Size | None]) -> Size:
    """The largest picture that is recorded, by what the tracks ask for; 1080p at least."""
    return max([_USUAL, *(size for size in sizes if size)], key=lambda size: size[0] * size[1])


def this_computer(sys: Path = _SYS, dev: Path = Path("/dev"), size: Size = _USUAL) -> Key:
    """What the verdicts depend on. Asks FFmpeg for its version, so it may take a moment."""
    return {
        "pictures": list(size),
        "kernel": os.uname().release,
        "displays": displays(sys),
        "nodes": nodes(dev),
        "ffmpeg": _ffmpeg_version(),
        "pyav": importlib.metadata.version("av"),
        "agent": __version__,
    }


def displays(sys: Path = _SYS) -> list[str]:
    """Each display controller on the PCI bus: vendor:device, driver, the driver's version."""
    found = []
    for device in sorted((sys / "bus/pci/devices").glob("*")):
        if _text(device / "class").startswith(_DISPLAY):
            driver = (device / "driver").resolve().name if (device / "driver").exists() else "none"
            version = _text(sys / "module" / driver / "version")
            ids = f"{_text(device / 'vendor')}:{_text(device / 'device')}"
            found.append(f"{ids} {driver} {version}".strip())
    return found


def nodes(dev: Path = Path("/dev")) -> list[str]:
    return [str(node) for node in sorted((dev / "dri").glob("renderD*"))]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _ffmpeg_version() -> str:
    try:
        done = subprocess.run(
            ["ffmpeg", "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_FFMPEG_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").partition("\n")[0]
