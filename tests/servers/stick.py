"""Prepared sticks, the reference receiver, and somebody who carries the ones to the other."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.servers.tus import FileNotes
from uploader.keys import Key
from uploader.receipts import Terms
from uploader.sender import Artifact, Pending, Progress, Receipt
from uploader.stick import StickDestination
from uploader.stick_files import Room
from uploader.stick_index import MARKER, Marker

SCRIPT = Path(__file__).parents[2] / "docs/examples/receive_stick.py"
ROOM = Room("B-204", Ed25519PrivateKey.from_private_bytes(b"r" * 32), "edge-agent test")
PLATFORM = Ed25519PrivateKey.from_private_bytes(b"p" * 32)
PLATFORMS = Key("2026", PLATFORM.public_key().public_bytes_raw())
NOW = "2026-11-22T10:00:00.000Z"


def receiver_module() -> ModuleType:
    """The script, which stands outside of every package."""
    known = sys.modules.get("receive_stick")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location("receive_stick", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["receive_stick"] = module
    spec.loader.exec_module(module)
    return module


def prepare(root: Path, stick: str = "aaaaaaaa", key: Key = PLATFORMS) -> Path:
    """A stick, plugged in."""
    root.mkdir(parents=True)
    (root / MARKER).write_bytes(Marker(stick, stick[:2].upper(), (key.text,)).text())
    return root


@dataclass
class Platform:
    """The reference receiver and what it holds."""

    into: Path
    words: list[str] = field(default_factory=list)
    key: Ed25519PrivateKey = PLATFORM

    def receive(self, stick: Path) -> None:
        rooms = {ROOM.public.id: ROOM.public.raw}
        made = receiver_module().Receiver(self.into, "2026", self.key, rooms, self.words.append)
        made.receive(stick)

    def held(self, lecture: str) -> dict[str, bytes]:
        folder = self.into / lecture
        files = folder.iterdir() if folder.exists() else ()
        return {f.name: f.read_bytes() for f in files if f.is_file() and f.suffix != ".part"}

    def acknowledged(self, stick: Path) -> list[dict[str, Any]]:
        """What the acknowledgements on a stick say."""
        (file,) = (stick / "acknowledgements").iterdir()
        bodies = [line.split(".")[1] for line in file.read_text().splitlines()]
        return [json.loads(receiver_module().unb64(body)) for body in bodies]


def stick_destination(
    mounts: Path, notes: Path, utc: Callable[[], str] = lambda: NOW, **more: Any
) -> StickDestination:
    terms = Terms("verified", (PLATFORMS,), utc)
    return StickDestination(mounts, lambda: ROOM, terms, FileNotes(notes), **more)


@dataclass
class Courier:
    """A destination for those who wait: what is on the stick is carried to the platform at once."""

    destination: StickDestination
    stick: Path
    platform: Platform

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self.destination.receipt(lecture, artifact)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        try:
            return self.destination.send(lecture, artifact, path, progress)
        except Pending:
            self.platform.receive(self.stick)
        return self.destination.send(lecture, artifact, path, progress)


def courier(home: Path, utc: Callable[[], str]) -> Courier:
    made = stick_destination(home / "media", home / "notes", utc)
    return Courier(made, home / "media/stick", Platform(home / "platform"))
