"""The way to a server: what is sent, what is heard, and what is said when the way is bad."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uploader.exchange import Answer, Digest, Lost, Piece, Request, Response
from uploader.http import Http, Patience
from uploader.sender import Permanent, Transient

MIB = 1 << 20
OPENSSL = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)
SHORT = Patience(connect=2, write=2, read=2)
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


# ---------------------------------------------------------------- what is sent


def test_a_stretch_of_the_file_is_sent_with_its_length_and_digest(
    serve: Callable[..., Server], file: Path
) -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        data = head_of(connection)
        while not data.endswith(bytes(range(10, 20))):
            data += connection.recv(1 << 16)
        heard.append(data)
        connection.sendall(OK)

    url = f"http://127.0.0.1:{serve(talk).port}/x"
    digest = Digest("Upload-Checksum", "sha1", "sha1 ")
    answer = ask(Http(url), Request("PATCH", url, {"A": "b"}, Piece(10, 10), (digest,)), file)
    assert isinstance(answer, Response)
    assert (answer.status, answer.sent) == (204, 10)
    assert b"PATCH /x HTTP/1.1\r\n" in heard[0]
    assert b"\r\nContent-Length: 10\r\n" in heard[0]
    value = base64.b64encode(hashlib.sha1(bytes(range(10, 20))).digest())
    assert b"\r\nUpload-Checksum: sha1 " + value + b"\r\n" in heard[0]


def test_a_connection_serves_many_requests(serve: Callable[..., Server]) -> None:
    connections: list[int] = []

    def talk(connection: socket.socket) -> None:
        connections.append(1)
        while head_of(connection):
            connection.sendall(OK)

    base, request = get(serve(talk).port)
    http = Http(base)

    def core():  # type: ignore[no-untyped-def]
        for _ in range(3):
            yield request

    http.run(core(), None, lambda _phase, _done: None)
    http.close()
    assert connections == [1]


def test_an_answer_before_the_bodys_end_stops_the_sending(
    serve: Callable[..., Server], file: Path
) -> None:
    """A proxy's limit is told after the head; what is sent after it is for nothing."""
    got: list[int] = []

    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        got.append(drain(connection))

    server = serve(talk)
    url = f"http://127.0.0.1:{server.port}/x"
    answer = ask(Http(url), Request("PATCH", url, {}, Piece(0, 32 * MIB)), file)
    server.close()
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (413, b"big")
    assert answer.sent < 8 * MIB
    assert got[0] < 8 * MIB


def test_a_server_that_stops_reading_and_answers_is_heard(
    serve: Callable[..., Server], file: Path
) -> None:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        time.sleep(1.5)  # the client's buffers fill, and it waits in the middle of a block
        connection.sendall(b"HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n")
        time.sleep(1.5)

    url = f"http://127.0.0.1:{serve(talk).port}/x"
    answer = ask(Http(url), Request("PATCH", url, {}, Piece(0, 32 * MIB)), file)
    assert isinstance(answer, Response)
    assert answer.status == 507


# ---------------------------------------------------------------- while it lasts


def test_a_silent_server_is_given_up_and_whoever_waits_is_called_meanwhile(
    serve: Callable[..., Server],
) -> None:
    calls: list[str] = []
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        head_of(connection)
        over.wait(20)

    base, request = get(serve(talk).port)
    http = Http(base, patience=SHORT)

    def core():  # type: ignore[no-untyped-def]
        return (yield request)

    answer = http.run(core(), None, lambda phase, _done: calls.append(phase))
    over.set()
    http.close()
    assert "has not answered for a long time" in lost(answer)
    assert len(calls) >= 3
    assert set(calls) == {"asking"}


def test_whoever_is_called_may_break_off_within_the_wait(serve: Callable[..., Server]) -> None:
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        head_of(connection)
        over.wait(20)

    base, request = get(serve(talk).port)
    calls: list[str] = []

    def enough(phase: str, _done: int) -> None:
        calls.append(phase)
        if len(calls) == 2:
            raise InterruptedError

    def core():  # type: ignore[no-untyped-def]
        return (yield request)

    http = Http(base, patience=Patience(read=60))
    with pytest.raises(InterruptedError):
        http.run(core(), None, enough)
    over.set()
    http.close()


def test_the_live_socket_can_be_paced_and_asked(serve: Callable[..., Server], file: Path) -> None:
    """What a polite sender needs: TCP_INFO from, and a rate for, the socket that is sending."""
    rtts: list[int] = []

    def talk(connection: socket.socket) -> None:
        data = len(head_of(connection).split(b"\r\n\r\n", 1)[1])
        while data < MIB:
            data += len(connection.recv(1 << 16))
        connection.sendall(OK)

    def tick(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, 47, 50_000_000)  # SO_MAX_PACING_RATE
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        rtts.append(int.from_bytes(info[68:72], "little"))

    url = f"http://127.0.0.1:{serve(talk).port}/x"
    ask(Http(url, tick=tick), Request("PUT", url, {}, Piece(0, MIB)), file)
    assert rtts
    assert all(rtts)


# ---------------------------------------------------------------- the way is bad


def says(*lines: str) -> Talk:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall("\r\n".join([*lines, "", ""]).encode())

    return talk


def test_another_host_is_never_followed(serve: Callable[..., Server]) -> None:
    def portal(connection: socket.socket) -> None:
        raise AssertionError("was asked")

    other = serve(portal)
    talk = says("HTTP/1.1 302 Found", f"Location: http://127.0.0.1:{other.port}/login")
    base, request = get(serve(talk).port)
    assert "sign this computer in" in lost(ask(Http(base), request))


def test_a_redirect_within_the_host_is_followed(serve: Callable[..., Server]) -> None:
    def talk(connection: socket.socket) -> None:
        moved = b"HTTP/1.1 307 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(OK if b" /new " in head_of(connection) else moved)
        connection.sendall(OK if b" /new " in head_of(connection) else moved)

    base, request = get(serve(talk).port, "/old")
    answer = ask(Http(base), request)
    assert isinstance(answer, Response)
    assert answer.status == 204


def test_a_sign_in_page_in_place_of_the_answer_is_recognised(serve: Callable[..., Server]) -> None:
    talk = says("HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 0")
    base, request = get(serve(talk).port)
    assert "sign this computer in" in lost(ask(Http(base), request))


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 204 No", b"\0\0 what is this\r\n\r\n"])
def test_a_connection_that_is_cut_is_no_answer(serve: Callable[..., Server], words: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(words)

    base, request = get(serve(talk).port)
    assert "localhost was cut" in lost(ask(Http(base), request))


def test_a_server_that_is_down_is_said_to_be(serve: Callable[..., Server]) -> None:
    server = serve(says(""))
    server.close()
    base, request = get(server.port)
    assert "refuses the connection" in lost(ask(Http(base), request))


def test_a_name_that_nobody_knows_is_told(tmp_path: Path) -> None:
    base = "http://no-such-host.invalid"
    assert "is not known here" in lost(ask(Http(base), Request("GET", base)))


def test_a_file_that_shrank_is_refused_for_good(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "short").write_bytes(b"x")
    url = f"http://127.0.0.1:{serve(lambda c: (drain(c), None)[1]).port}/x"
    with pytest.raises(Permanent, match="no longer the file"):
        ask(Http(url), Request("PUT", url, {}, Piece(0, 9)), tmp_path / "short")


# ---------------------------------------------------------------- certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost with its key, of an authority nobody knows."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        [*OPENSSL.split(), "-keyout", file, "-out", f"{file}.crt"],
        check=True,
        capture_output=True,
    )
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
def secure(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_of_nobody_known_is_refused_with_the_next_step(
    serve: Callable[..., Server], secure: ssl.SSLContext
) -> None:
    base, request = get(serve(says("HTTP/1.1 204 OK"), secure).port, scheme="https")
    reason = lost(ask(Http(base), request))
    assert "is not trusted (self-signed certificate)" in reason
    assert "ca_file" in reason


def test_the_campus_authority_is_trusted_and_an_early_answer_is_heard_through_tls(
    serve: Callable[..., Server], secure: ssl.SSLContext, certificate: Path, file: Path
) -> None:
    """Session tickets come while the body leaves; they are no answer."""
    tickets: list[int] = []

    def talk(connection: socket.socket) -> None:
        got = len(head_of(connection).split(b"\r\n\r\n", 1)[1])
        while got < 2 * MIB:
            got += len(connection.recv(1 << 16))
        tickets.append(got)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        drain(connection)

    url = f"https://localhost:{serve(talk, secure).port}/x"
    http = Http(url, ca_file=Path(f"{certificate}.crt"))
    answer = ask(http, Request("PUT", url, {}, Piece(0, 32 * MIB)), file)
    assert isinstance(answer, Response)
    assert answer.status == 413
    assert 2 * MIB <= answer.sent < 16 * MIB
    assert tickets


def test_a_file_of_authorities_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(Transient, match="correct ca_file"):
        ask(Http("https://localhost", ca_file=tmp_path / "ca.pem"), Request("GET", "https://x"))
