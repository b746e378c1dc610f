"""The tus project's own server, from npm, with its file store. Nothing here reads a finished file
over HTTP: on some versions of Node that ends the server.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from tests.servers.running import OnPort

PACKAGES = ("@tus/server@1.10.2", "@tus/file-store@1.5.1")  # the last ones for Node 18
SCRIPT = Path(__file__).with_name("node_tus.mjs")


def modules() -> Path:
    """Where the packages lie, fetched at the first time, by one test at a time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "edge-agent-tests" / "-".join(PACKAGES).replace("/", "_")
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            options = "--no-audit --no-fund --ignore-scripts --no-package-lock --loglevel=error"
            subprocess.run(
                ["npm", "install", *options.split(), "--prefix", home, *PACKAGES], check=True
            )
            (home / "complete").touch()
    return home


class NodeTus(OnPort):
    """One server; `folder` holds what it stores and outlives a kill."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "node.log")
        self.folder = home / "files"
        self.folder.mkdir(parents=True)
        self._modules = modules()

    def command(self) -> list[str]:
        return ["node", str(SCRIPT), str(self._modules), str(self.folder), str(self.port)]

    def held(self) -> list[bytes]:
        """Every upload, whole or not."""
        return [
            file.read_bytes() for file in sorted(self.folder.iterdir()) if file.suffix != ".json"
        ]
