"""A packaged lecture, the Opencast that it goes to, and the process between them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.dublin_core import dublin_core
from tests.servers.opencast import API_ROLES, Opencast
from tests.servers.opencast_client import Straight, straight
from uploader.opencast_destination import OpencastDestination
from uploader.opencast_notes import Server
from uploader.sender import Artifact, Pending, Receipt, SendError, Transient

BASE = "https://opencast.example.edu"
LECTURE = "0193a2b0-0000-7000-8000-000000000001"
SOUND = random.Random(3)
FACTS = LectureFacts(
    id=LECTURE,
    title="Thermodynamics <3>",
    lecturer="A. Teacher",
    language="en",
    licence="CC-BY-4.0",
    room="Hall 1",
    started_utc="2026-11-22T10:00:00.000Z",
    ended_utc="2026-11-22T11:00:00.000Z",
    clock_trust="synchronised",
    agent_version="test",
)
#: In order of value, as the outbox gives them.
FILES = {
    "dublincore.xml": dublin_core(FACTS, 3600.0),
    "presentation.mp4": SOUND.randbytes(3000),
    "second-camera.mp4": SOUND.randbytes(50),
    "presenter.mp4": SOUND.randbytes(20_000),
}
MEDIA = {name: data for name, data in FILES.items() if name != "dublincore.xml"}
MANIFEST = b'{"identifier": "the manifest"}'
NOW = "2026-11-22T10:00:00.000Z"


class Killed(BaseException):
    """The process is gone; nothing after this was done."""


@dataclass
class Notes:
    """A memory that survives a kill."""

    kept: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        text = self.kept.get((lecture, artifact.name, artifact.sha256))
        return json.loads(text) if text else None

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.kept[lecture, artifact.name, artifact.sha256] = json.dumps(dict(note))

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.kept.pop((lecture, artifact.name, artifact.sha256), None)


def artifact_of(name: str, data: bytes) -> Artifact:
    return Artifact(name, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


@dataclass
class Room:
    """A packaged lecture, and the Opencast that it goes to."""

    package: Path
    opencast: Opencast
    server: Server | None = None
    needs: str = "received"
    notes: Notes = field(default_factory=Notes)
    sent: int = 0
    receipts: dict[str, Receipt] = field(default_factory=dict)
    errors: list[SendError] = field(default_factory=list)

    def destination(
        self, tick: Callable[[], None] = lambda: None, utc: Callable[[], str] = lambda: NOW
    ) -> OpencastDestination:
        self.line = Straight(self.opencast, tick)
        return straight(
            self.line, self.notes, set(FILES), needs=self.needs, server=self.server, utc=utc
        )

    def one(self, name: str, destination: OpencastDestination | None = None) -> Receipt:
        it = destination or self.destination()
        artifact = artifact_of(name, FILES[name])
        return it.receipt(LECTURE, artifact) or it.send(
            LECTURE, artifact, self.package / name, lambda _phase, _done: None
        )

    def rounds(self, most: int = 12, tick: Callable[[], None] = lambda: None) -> None:
        """As the upload process: what has no receipt is tried again, in order of value."""
        for _ in range(most):
            destination = self.destination(tick)
            for name in FILES:
                if name in self.receipts:
                    continue
                try:
                    self.receipts[name] = self.one(name, destination)
                except (Pending, Transient) as error:
                    self.errors.append(error)
                finally:
                    self.sent, self.line.sent = self.sent + self.line.sent, 0
            if self.receipts.keys() == FILES.keys():
                return
        raise AssertionError(self.errors[-1].reason)

    def killed_after(self, ticks: int) -> bool:
        """False: it was through before."""
        left = iter(range(ticks))

        def tick() -> None:
            if next(left, None) is None:
                raise Killed

        try:
            self.rounds(tick=tick)
        except Killed:
            return True
        return False

    def is_there_once(self) -> None:
        state = self.opencast.state()
        assert state["begun"] == [LECTURE]
        assert state["violations"] == []
        assert self.opencast.held(LECTURE) == MEDIA


@pytest.fixture
def make_room(tmp_path: Path) -> Callable[..., Room]:
    numbers = iter(range(10_000))
    package = tmp_path / "package"
    package.mkdir()
    (package / "manifest.json").write_bytes(MANIFEST)
    for name, data in FILES.items():
        (package / name).write_bytes(data)

    def make(*, roles: list[str] = API_ROLES, **more: Any) -> Room:
        folder = tmp_path / f"opencast-{next(numbers)}"
        folder.mkdir()
        opencast = Opencast(folder, BASE)
        opencast.wish(roles=roles)
        return Room(package, opencast, **more)

    return make


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room()
