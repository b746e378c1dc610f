"""A spool with packaged lectures, and the process or one step that delivers them."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.config import Config, FolderDestination, Storage
from edge_agent.delivery import Delivery
from edge_agent.finish_messages import Artifact as PackagedFile
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture, OutboxRow
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from uploader.sender import Artifact, Progress, Receipt

ROOT = Path(__file__).parents[1]
CLOCK = SystemClock()
RUN = """
import sys; from pathlib import Path
from edge_agent.config import Config; from edge_agent.delivery import run
from edge_agent.secrets import Secrets
sys.exit(run(Config.model_validate_json(sys.argv[1]), Secrets(None, Path(sys.argv[2]))))
"""


class Room:
    """A spool with packaged lectures, and a folder that plays the platform."""

    def __init__(self, home: Path) -> None:
        self.place = home / "platform"
        self.place.mkdir()
        self.spool = Spool(home / "spool")
        self.spool.root.mkdir()
        self.ledger = Ledger.create(self.spool.ledger)
        self.secrets = home / "credentials"
        self.config = Config(
            storage=Storage(spool=self.spool.root, runtime=home / "run"),
            destinations={"platform": FolderDestination(type="folder", path=self.place)},
        )

    def package(
        self, lecture: str, files: dict[str, bytes], destinations: tuple[str, ...] = ("platform",)
    ) -> None:
        """A finished lecture; the first file is the most valuable."""
        folder = self.spool.package(lecture)
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        now = CLOCK.now()
        self.ledger.add_lecture(
            Lecture(lecture, State.FINISHING, now.utc_text, now.trust, now.boot, now.mono_ns), []
        )
        listed = [
            PackagedFile(
                name=name,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                media_type="video/mp4",
                priority=place,
            )
            for place, (name, data) in enumerate(files.items())
        ]
        self.ledger.package(lecture, State.PACKAGED, 1.0, listed, destinations)

    def row(self, name: str) -> OutboxRow:
        return next(row for row in self.ledger.outbox() if row.name == name)

    def upload(self) -> subprocess.Popen[bytes]:
        """The real upload process."""
        return subprocess.Popen(
            [sys.executable, "-c", RUN, self.config.model_dump_json(), str(self.secrets)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.ledger.close()


def wait_for(condition: Callable[[], bool], what: str, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s} s for {what}"
        time.sleep(0.005)


@dataclass
class Place:
    """A destination whose answers a test gives, and that says what it was asked."""

    answers: list[Exception] = field(default_factory=list)
    held: dict[str, Receipt] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self.held.get(artifact.name)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        self.sent.append(artifact.name)
        if self.answers:
            raise self.answers.pop(0)
        return {"state": "verified", "bytes": path.stat().st_size}


def delivery(room: Room, **places: Place) -> Delivery:
    return Delivery(room.ledger, room.spool, places, CLOCK, chance=lambda: 0.0)


BIG = random.Random(3).randbytes(24 << 20)
