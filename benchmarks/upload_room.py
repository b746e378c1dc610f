"""A room with finished lectures and its real upload process, at the near end of a link.

The process speaks TLS with the far end, as it must; the authority is made for the occasion.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from benchmarks.link import Link
from edge_agent.clock import SystemClock
from edge_agent.config import Config, Storage, TusDestination, Upload
from edge_agent.config_destinations import S3Destination
from edge_agent.finish_messages import Artifact
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture, OutboxRow
from edge_agent.rules.lecture import State
from edge_agent.rules.package import PRIORITY, media_type
from edge_agent.spool import Spool

PORT = 9443
_RUN = """
import sys; from pathlib import Path
from edge_agent.config import Config; from edge_agent.delivery import run
from edge_agent.secrets import Secrets
sys.exit(run(Config.model_validate_json(sys.argv[1]), Secrets(None, Path(sys.argv[2]))))
"""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Certificate:
    """Of the far end's address, signed by itself."""

    file: Path
    authority: Path

    @classmethod
    def made(cls, home: Path) -> Certificate:
        file, authority = home / "server.pem", home / "authority.pem"
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            f"-subj /CN=platform -addext subjectAltName=IP:{Link.FAR},IP:127.0.0.1 "
            f"-keyout {file} -out {authority}",
            shell=True,
            check=True,
            capture_output=True,
        )
        file.write_text(file.read_text() + authority.read_text())
        return cls(file, authority)


class Room:
    """`mode`: full or polite."""

    def __init__(
        self,
        home: Path,
        destination: TusDestination | S3Destination,
        mode: Literal["polite", "full"],
    ) -> None:
        self._spool = Spool(home / "spool")
        self._spool.root.mkdir(parents=True, exist_ok=True)
        self.secrets = home / "credentials"
        self.secrets.mkdir()
        self._ledger = Ledger.create(self._spool.ledger)
        self._config = Config(
            storage=Storage(spool=self._spool.root, runtime=home / "run"),
            destinations={"platform": destination},
            upload=Upload(mode=mode),
        )
        self._process: subprocess.Popen[bytes] | None = None

    def give_secret(self, name: str, text: str) -> None:
        file = self.secrets / name
        file.touch(0o600)
        file.write_text(text)

    def package(self, lecture: str, sizes: Mapping[str, int], more_to_come: bool) -> None:
        """A finished lecture of so many bytes in each file."""
        self.store(lecture, self.made(lecture, sizes), more_to_come)

    def store(self, lecture: str, files: list[Artifact], more_to_come: bool) -> None:
        """What was made is noted in the ledger, where the upload process finds it."""
        now = SystemClock().now()
        self._ledger.add_lecture(
            Lecture(lecture, State.FINISHING, now.utc_text, now.trust, now.boot, now.mono_ns), []
        )
        columns: dict[str, Any] = {"packaged_boot": now.boot, "packaged_ns": now.mono_ns}
        columns["renditions"] = "wanted" if more_to_come else ""
        self._ledger.package(lecture, State.PACKAGED, 3600.0, files, ["platform"], **columns)

    def changed(self, lecture: str, files: list[Artifact]) -> None:
        """Small versions are ready, and a new revision of the manifest with them."""
        self._ledger.enqueue_changed(lecture, files)

    def made(self, lecture: str, sizes: Mapping[str, int]) -> list[Artifact]:
        """The files of a package."""
        folder = self._spool.package(lecture)
        folder.mkdir(parents=True, exist_ok=True)
        return [
            Artifact(
                name=name,
                bytes=size,
                sha256=random_file(folder / name, size),
                media_type=media_type(name),
                priority=PRIORITY[name],
            )
            for name, size in sizes.items()
        ]

    def rows(self) -> list[OutboxRow]:
        return self._ledger.outbox()

    def upload(self, prefix: Sequence[str]) -> Self:
        """The upload process runs between enter and exit; `prefix` says where."""
        self._process = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                "-c",
                _RUN,
                self._config.model_dump_json(),
                str(self.secrets),
            ],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        return self

    def peak_mib(self) -> float:
        """The most memory that the upload process has had."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._ledger.close()


def random_file(path: Path, size: int) -> str:
    """Its SHA-256. What is random no link makes smaller."""
    digest, made = hashlib.sha256(), 0
    with path.open("wb") as stream:
        while made < size:
            block = random.randbytes(min(_BLOCK, size - made))
            stream.write(block)
            digest.update(block)
            made += len(block)
    return digest.hexdigest()
