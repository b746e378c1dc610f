"""A tus server that keeps no byte, only how many have come: what is left is the sender's own cost.

    python -m benchmarks.sink PORT [--certificate FILE]

Keeps parts of requests, as tusd does. Also takes a plain PUT or PATCH of any address. `GET /` tells
of each address how many bytes came, how many stood in heads, and when (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import argparse
import json
import socketserver
import ssl
import threading
import time
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path

#: What had come is noted so often, seconds.
NOTE_S = 1.0


@dataclass
class Upload:
    """What came to one address. `notes`: (time, bytes) once a second."""

    length: int = 0
    came: int = 0
    heads: int = 0
    requests: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    notes: list[tuple[float, int]] = field(default_factory=list)

    def take(self, amount: int) -> None:
        now = time.monotonic()
        self.first_s = self.first_s or now
        self.came += amount
        self.last_s = now
        if not self.notes or now - self.notes[-1][0] >= NOTE_S:
            self.notes.append((now, self.came))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_OPTIONS(self) -> None:
        self._answer(204, {"Tus-Version": "1.0.0", "Tus-Extension": "creation,termination"})

    def do_POST(self) -> None:
        path = f"/files/{next(self.server.numbers)}"
        self.server.uploads[path] = upload = Upload(int(self.headers["Upload-Length"]))
        upload.first_s = time.monotonic()
        self._count(upload)
        self._answer(201, {"Location": path})

    def do_HEAD(self) -> None:
        upload = self.server.uploads.get(self.path)
        if upload is None:
            self._answer(404)
        else:
            self._count(upload)
            self._answer(200, {"Upload-Offset": upload.came, "Upload-Length": upload.length})

    def do_PATCH(self) -> None:
        upload = self.server.uploads.setdefault(self.path, Upload())
        self._count(upload)
        if int(self.headers.get("Upload-Offset", upload.came)) != upload.came:
            self._answer(409)
            return
        self._drain(upload)
        self._answer(204, {"Upload-Offset": upload.came})

    do_PUT = do_PATCH

    def do_GET(self) -> None:
        told = {path: asdict(upload) for path, upload in list(self.server.uploads.items())}
        self._answer(200, body=json.dumps(told).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _drain(self, upload: Upload) -> None:
        left, room = int(self.headers["Content-Length"]), memoryview(bytearray(1 << 20))
        while left:
            came = self.rfile.readinto1(room[: min(left, len(room))])  # type: ignore[attr-defined]
            if not came:
                raise ConnectionResetError
            upload.take(came)
            left -= came

    def _count(self, upload: Upload) -> None:
        upload.requests += 1
        upload.heads += len(self.raw_requestline) + len(str(self.headers))

    def _answer(
        self, status: int, headers: dict[str, object] | None = None, body: bytes = b""
    ) -> None:
        self.send_response(status)
        self.send_header("Tus-Resumable", "1.0.0")
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.uploads: dict[str, Upload] = {}
        self.numbers = count(1)
        super().__init__(("0.0.0.0", port), Handler)
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, *_: object) -> None:
        """A sender that hangs up is no news."""


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.sink")
    words.add_argument("port", type=int)
    words.add_argument("--certificate", type=Path)
    options = words.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    with Sink(options.port, context) as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
