"""A room that sends to the S3 store of the tests, with a memory that survives a kill."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.simulated_store import Store, error
from uploader import s3_wire as wire
from uploader.bodies import Source
from uploader.exchange import Answer, Request, Response, drive
from uploader.s3_destination import S3Destination
from uploader.s3_doors import SignedDoor, object_key
from uploader.sender import Artifact, Progress, Transient

MIB = 1 << 20
LECTURE = "0193-lecture"
BUCKET = "https://store.example.edu/bucket"
#: Three parts, the last one short.
DATA = random.Random(5).randbytes(10 * MIB + 77)
SMALL = DATA[: MIB + 1]


def artifact_of(data: bytes) -> Artifact:
    return Artifact("camera.mp4", len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


def key_of(lecture: str, artifact: Artifact) -> str:
    return object_key("rooms/", lecture, artifact)


@dataclass
class Notes:
    """A memory that a test can wipe."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        return self.kept.get(lecture + artifact.sha256)

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.kept[lecture + artifact.sha256] = dict(note)

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.kept.pop(lecture + artifact.sha256, None)


@dataclass
class Room:
    """A PC with one file, and the store that it sends it to."""

    path: Path
    store: Store
    notes: Notes = field(default_factory=Notes)
    _made: S3Destination | None = None

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        return self.store(request)

    def close(self) -> None:
        """Nothing is open."""

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> SignedDoor:
            return SignedDoor(BUCKET, key_of(lecture, artifact))

        return S3Destination(self, door, key_of, self.notes, "test", lambda: utc)

    def send(self) -> Mapping[str, Any]:
        """One destination for all tries, as in the upload process: it reads the file once."""
        self._made = self._made or self.destination()
        return self._made.send(LECTURE, self._artifact, self.path, lambda _phase, _done: None)

    @cached_property
    def _artifact(self) -> Artifact:
        return artifact_of(self.store.file)

    def keep_trying(self, tries: int = 60) -> int:
        """Send as the upload process does; how many tries it took."""
        for number in range(1, tries + 1):
            try:
                self.send()
            except Transient:
                continue
            return number
        raise AssertionError("never arrived")

    def held(self) -> dict[str, bytes]:
        files = {k: v for k, v in self.store.objects.items() if not k.endswith(".receipt.json")}
        return {key: stored.data for key, stored in files.items()}


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(tmp_path: Path) -> MakeRoom:
    def make(data: bytes = DATA, *quirks: str) -> Room:
        path = tmp_path / "camera.mp4"
        path.write_bytes(data)
        return Room(path, Store(data, set(quirks)))

    return make


@dataclass
class Office:
    """Gives tickets for the store, which then stand for its signature; they expire."""

    store: Store
    expired: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Response | None = None

    def __call__(self, request: Request) -> Answer:
        if not request.url.startswith("https://platform.example.edu/"):
            if self.expired and "partNumber" in request.url:
                self.expired -= 1
                return error(403, "AccessDenied")
            return self.store(replace(request, url=request.url.replace("&ticket=1", "")))
        assert isinstance(request.body, bytes)
        question = json.loads(request.body)
        self.asked.append(question)
        return self.answer or Response(
            200, {}, json.dumps({"tickets": self._all(question)}).encode()
        )

    def _all(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        calls = [
            wire.Call(c["operation"], c["method"], c["query"], suffix=c["suffix"],
                      of_bucket=c["operation"] == "ListMultipartUploads")
            for c in question["calls"]
        ]  # fmt: skip
        requests = drive(SignedDoor(BUCKET, question["key"]).requests(calls), _nobody)
        return [
            {"url": f"{request.url}&ticket=1" if "?" in request.url else request.url}
            for request in requests
        ]


def _nobody(request: Request) -> Answer:
    raise AssertionError(request)
