"""Servers as processes: on a free port, with a log, killed as by a power cut."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            words = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(0.05)


class Killable:
    """A process that may be killed at any time, also when it does not run."""

    _process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """kill -9, as by a power cut that spares the disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


class OnPort(Killable):
    """A server of one port, the same at each start; what it stores outlives a kill."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._log = log

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> Self:
        """Returns when the port answers. Fails with the server's log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        await_port(self.port, self._process, self._log)
        return self
