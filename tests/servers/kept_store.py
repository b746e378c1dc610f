"""The simulated S3 store as something that outlives the process that talks to it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.tus import FileNotes
from tests.simulated_store import Store
from uploader.bodies import Source, with_digests
from uploader.exchange import Answer, Lost, Piece, Request
from uploader.s3_destination import S3Destination
from uploader.s3_doors import SignedDoor, object_key
from uploader.sender import Artifact, Progress

BUCKET = "https://store.example.edu/bucket"
BLOCK = 1 << 20


@dataclass
class KeptStore:
    """What each request changes is in `file` before it is answered."""

    file: Path

    @property
    def away(self) -> Path:
        """While this exists, nobody answers."""
        return self.file.with_name("away")

    def create(self) -> None:
        self.change(Store(b""))

    def change(self, store: Store) -> None:
        part = self.file.with_suffix(".part")
        part.write_bytes(pickle.dumps((store.objects, store.uploads)))
        part.rename(self.file)

    def now(self) -> Store:
        objects, uploads = pickle.loads(self.file.read_bytes())
        return Store(b"", objects=objects, uploads=uploads)

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        """A request whose body leaves in blocks; a body that breaks off changes nothing."""
        request = with_digests(request, source)
        progress("asking", 0)
        body = bytearray()
        while len(body) < request.length:
            body += source.block(request.body, len(body), BLOCK)
            if isinstance(request.body, Piece):
                progress("copying", request.body.offset + len(body))
        if self.away.exists():
            return Lost("the store refuses the connection; it may be down")
        store = self.now()
        if isinstance(request.body, Piece):
            store.file = bytes(request.body.offset) + bytes(body)
        answer = store(request)
        self.change(store)
        progress("asking", 0)
        return answer

    def close(self) -> None:
        """Nothing is open."""


def client(home: Path, utc: Callable[[], str]) -> S3Destination:
    """A destination at the store in `home`, with its notes beside it."""

    def key(lecture: str, artifact: Artifact) -> str:
        return object_key("", lecture, artifact)

    def door(lecture: str, artifact: Artifact) -> SignedDoor:
        return SignedDoor(BUCKET, key(lecture, artifact))

    exchange = KeptStore(home / "store")
    return S3Destination(exchange, door, key, FileNotes(home / "notes"), "test", utc)
