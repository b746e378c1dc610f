"""Real tus servers as processes, a proxy that cuts, nginx with its defaults, our way to them."""

from __future__ import annotations

import getpass
import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.servers.running import OnPort, await_port, free_port
from uploader.exchange import Request
from uploader.http import Http, Patience
from uploader.keys import Key
from uploader.receipts import Terms
from uploader.sender import Artifact
from uploader.tus import Server
from uploader.tus_destination import TusDestination

TOKEN = "the token of room 7"  # the receiver's; importing that would load its libraries
KEY = "test:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


@dataclass(frozen=True)
class FileNotes:
    """A memory in a folder, for clients that are killed."""

    folder: Path

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        try:
            found = json.loads(self._file(lecture, artifact).read_text())
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) else None

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        file = self._file(lecture, artifact)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(note))
        part.rename(file)

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self._file(lecture, artifact).unlink(missing_ok=True)

    def _file(self, lecture: str, artifact: Artifact) -> Path:
        text = f"{lecture}/{artifact.name}/{artifact.sha256}"
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def client(
    base: str,
    notes: Path,
    utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z",
    *,
    receipts: bool = True,
) -> TusDestination:
    """A destination at a receiver (or at a proxy before one)."""

    def dress(request: Request) -> Request:
        headers = {**request.headers, "Authorization": f"Bearer {TOKEN}"}
        return replace(request, headers=headers)

    http = Http(base, dress=dress, patience=Patience(5, 5, 6))
    where = f"{base}/receipts/{{lecture}}/{{name}}/{{sha256}}" if receipts else None
    server = Server(f"{base}/files/", where, Terms("verified", (Key.of(KEY),), utc))
    return TusDestination(http, server, FileNotes(notes), "test", utc)


class Receiver(OnPort):
    """The reference receiver with one of its tus servers; `folder` outlives a kill."""

    def __init__(self, kind: str, home: Path) -> None:
        super().__init__(home / f"{kind}.log")
        self.kind = kind
        self.folder = home / kind
        self.folder.mkdir(parents=True)

    def command(self) -> list[str]:
        module = [sys.executable, "-m", "tests.servers.receiver"]
        return [*module, self.kind, str(self.folder), str(self.port)]

    def held(self, lecture: str) -> dict[str, bytes]:
        from tests.servers.receiver import held

        return held(self.kind, self.folder, lecture)

    def parts(self) -> list[Path]:
        """Files with the bytes of uploads, whole or not."""
        return [
            file
            for file in self.folder.rglob("*")
            if file.is_file() and file.suffix not in (".info", ".meta", ".lock", ".tmp")
        ]


NGINX = """
user {user}; daemon off; pid {home}/nginx.pid; error_log {home}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {base}; proxy_set_header Host $http_host; }}
    }}
}}
"""


class Nginx:
    """nginx before a receiver with its defaults: bodies of 1 MiB, and each kept until whole."""

    def __init__(self, home: Path, base: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        config = home / "nginx.conf"
        config.write_text(
            NGINX.format(home=home, port=self.port, base=base, user=getpass.getuser())
        )
        log = home / "nginx.log"
        log.touch()
        self._process = subprocess.Popen(
            ["/usr/sbin/nginx", "-c", str(config), "-p", str(home), "-e", str(log)]
        )
        await_port(self.port, self._process, log)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class Cutter:
    """A proxy that cuts connections after as many bytes from the client as `cuts` says, in turn."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._to = port
        self._cuts = list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.carried = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            limit = self._cuts.pop(0) if self._cuts else None
            with near, socket.create_connection(("127.0.0.1", self._to), 5) as far:
                self._carry(near, far, limit)

    def _carry(self, near: socket.socket, far: socket.socket, limit: int | None) -> None:
        back = threading.Thread(target=self._pump_back, args=(far, near))
        back.start()
        passed = 0
        try:
            while data := near.recv(1 << 15):
                data = data if limit is None else data[: limit - passed]
                far.sendall(data)
                passed += len(data)
                self.carried += len(data)
                if passed == limit:
                    break
        except OSError:
            pass
        for end in (far, near):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster
        back.join(10)

    @staticmethod
    def _pump_back(far: socket.socket, near: socket.socket) -> None:
        try:
            while data := far.recv(1 << 15):
                near.sendall(data)
        except OSError:
            return
