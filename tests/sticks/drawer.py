"""A room with a place for a stick, a platform, and a drawer with other sticks."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.contracts.kits import artifact_of, ignore
from tests.servers.stick import NOW, Platform, prepare, stick_destination
from uploader.sender import Pending, Phase, Receipt
from uploader.signing import unproven
from uploader.stick import StickDestination
from uploader.stick_index import MARKER, RESERVE

MIB = 1 << 20
LECTURE = "01a200cd-98bc-7f49-8e4e-501cbddcb48b"
DATA = random.Random(3).randbytes(3 * MIB + 17)
THIEF = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
SCHEMA = Path(__file__).parents[2] / "edge_agent/schemas/stick-index-1.json"


@dataclass
class World:
    """A room with one place for a stick, a platform, and a drawer with other sticks."""

    home: Path
    more: dict[str, Any] = field(default_factory=dict)
    capacity: int | None = None

    def __post_init__(self) -> None:
        for name in ("media", "notes", "drawer"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.platform = Platform(self.home / "platform")
        self.stick = self.home / "media/stick"
        if not self.stick.exists():
            prepare(self.stick)
        self.now = NOW

    @property
    def destination(self) -> StickDestination:
        """A new one each time: nothing may depend on what a process remembers."""
        return stick_destination(
            self.home / "media", self.home / "notes", lambda: self.now, free=self.free, **self.more
        )

    def free(self, root: Path) -> int:
        held = sum(file.stat().st_size for file in root.glob("rooms/*/*/*"))
        return (1 << 40 if self.capacity is None else self.capacity - held) + RESERVE

    def source(self, data: bytes = DATA) -> Path:
        path = self.home / "source"
        path.write_bytes(data)
        return path

    def send(
        self,
        data: bytes = DATA,
        name: str = "presenter.mp4",
        progress: Callable[[Phase, int], None] = ignore,
    ) -> Receipt:
        artifact = artifact_of(data, name)
        destination = self.destination
        return destination.receipt(LECTURE, artifact) or destination.send(
            LECTURE, artifact, self.source(data), progress
        )

    def receipt(self, data: bytes = DATA, name: str = "presenter.mp4") -> Receipt | None:
        return self.destination.receipt(LECTURE, artifact_of(data, name))

    def swap(self, other: str) -> None:
        """Put this stick into the drawer and take out another one, or a new one."""
        mine = json.loads((self.stick / MARKER).read_text())["stick"]
        self.stick.rename(self.home / "drawer" / mine)
        if (self.home / "drawer" / other).exists():
            (self.home / "drawer" / other).rename(self.stick)
        else:
            prepare(self.stick, other)

    def acknowledge(self, *lines: str) -> None:
        """Somebody writes acknowledgements."""
        folder = self.stick / "acknowledgements"
        folder.mkdir(exist_ok=True)
        (folder / "b-204.txt").write_text("\r\n".join(lines))

    def files(self) -> dict[str, int]:
        """What lies on the stick of lectures."""
        return {file.name: file.stat().st_size for file in self.stick.glob("rooms/*/*/*")}

    def index(self) -> list[dict[str, Any]]:
        texts = [file.read_text() for file in self.stick.glob("rooms/*/index-?.jws")]
        newest = max((unproven(text) for text in texts), key=lambda said: int(said["serial"]))
        return list(newest["files"])


def said(data: bytes = DATA, name: str = "presenter.mp4", **other: Any) -> dict[str, Any]:
    artifact = artifact_of(data, name)
    about = {"lecture": LECTURE, "name": name, "bytes": len(data), "sha256": artifact.sha256}
    return about | {"state": "verified", "utc": NOW} | other


def tree(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


class Pulled(Exception):
    """Stands for the moment."""


def after(count: int, act: Callable[[], None]) -> Callable[[Phase, int], None]:
    """Does it once so many bytes have been copied."""
    done: list[bool] = []

    def progress(phase: Phase, at: int) -> None:
        if phase == "copying" and at >= count and not done:
            done.append(True)
            act()

    return progress


LECTURES = {"audio.m4a": b"sound" * 100, "presenter.mp4": DATA[:70_000]}


def put(world: World) -> None:
    """As often as it takes without an accident."""
    for name, data in LECTURES.items():
        for _ in range(2):  # what an accident left half written is told once
            with contextlib.suppress(Pending):
                world.send(data, name)


def small(world: World, capacity: int) -> None:
    world.more["piece_bytes"] = MIB
    world.capacity = capacity
