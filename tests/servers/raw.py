"""A server that says what bytes it is told to, and a client that asks it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uploader.exchange import Answer, Lost, Request
from uploader.http import Http

MIB = 1 << 20
OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Talk = Callable[[socket.socket], None]


class Server:
    """Speaks to each connection what the test's `talk` says, one thread for each."""

    def __init__(self, talk: Talk, context: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                if self._context:
                    with self._context.wrap_socket(connection, server_side=True) as secure:
                        self._talk(secure)
                else:
                    self._talk(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(talk: Talk, context: ssl.SSLContext | None = None) -> Server:
        made.append(Server(talk, context))
        return made[-1]

    yield start
    for server in made:
        server.close()


def head_of(connection: socket.socket) -> bytes:
    """A request's head, and what came with it of the body."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(1 << 16)):
        data += more
    return data


def drain(connection: socket.socket) -> int:
    """Read until the client hangs up."""
    total = 0
    while data := connection.recv(1 << 16):
        total += len(data)
    return total


def ask(http: Http, request: Request, path: Path | None = None) -> Answer:
    def core():  # type: ignore[no-untyped-def]
        return (yield request)

    try:
        return http.run(core(), path, lambda _phase, _done: None)
    finally:
        http.close()


def get(port: int, path: str = "/", scheme: str = "http") -> tuple[str, Request]:
    base = f"{scheme}://localhost:{port}"
    return base, Request("GET", base + path)


def lost(answer: Answer) -> str:
    assert isinstance(answer, Lost)
    return answer.reason


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (32 * MIB // 256))
    return path
