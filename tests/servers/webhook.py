"""A receiver of webhooks: checks signatures by itself, and misbehaves as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
#: What it answers by its mood: status, headers, body.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "ok": (204, {}, b""),
    "ok-called-html": (200, {"Content-Type": "text/html"}, b"ok"),
    "empty-html": (200, {"Content-Type": "text/html"}, b""),
    "portal": (200, {"Content-Type": "text/html"}, b"<html><form>Please sign in</form></html>"),
    "sign-in": (511, {"Content-Type": "text/html"}, b"<html>sign in</html>"),
    "away": (302, {"Location": "http://portal.test/login"}, b""),
    "moved": (307, {"Location": "/ok"}, b""),
    "circle": (307, {"Location": "/circle"}, b""),
    "broken": (500, {}, b"Traceback: it is broken"),
    "busy": (429, {"Retry-After": "120"}, b""),
    "unknown": (404, {}, b"not found"),
    "bad": (422, {"Content-Type": "application/json"}, b'{"detail": "no such field"}'),
    "gone": (410, {}, b""),
    "huge": (200, {"Content-Type": "text/plain"}, b"x" * (10 << 20)),
    "huge-error": (500, {"Content-Type": "text/html"}, b"<p>x</p>" * (1 << 20)),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mood = self.server.mood or self.path.strip("/")
        self.server.hear(dict(self.headers), body)
        if mood == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not self.server.over.wait(0.05):
                self.wfile.write(b"x")
            return
        if mood == "silent":
            self.server.over.wait(60)
            return
        status, headers, answer = ANSWERS[mood]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None: ...


class Receiver(ThreadingHTTPServer):
    """`mood` empty: as the path says. `forged`: how many requests were not signed as agreed."""

    daemon_threads = False

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.mood = ""
        self.headers: list[dict[str, str]] = []
        self.letters: list[dict[str, Any]] = []
        self.forged = 0
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def url(self, mood: str = "ok") -> str:
        return f"http://127.0.0.1:{self.server_port}/{mood}"

    def hear(self, headers: dict[str, str], body: bytes) -> None:
        it = {name.lower(): value for name, value in headers.items()}
        signed = f"{it['webhook-id']}.{it['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        self.forged += f"v1,{wanted}" not in it["webhook-signature"].split()
        self.headers.append(it)
        self.letters.append(json.loads(body))

    def handle_error(self, *_: Any) -> None:
        """Who posts may hang up."""

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Of one test, on a port of its own."""
    made = Receiver()
    yield made
    made.close()
