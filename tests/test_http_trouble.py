"""The way to a server is bad: redirects, cuts, names and certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.raw import MIB, OK, OPENSSL, Server, Talk, ask, drain, get, head_of, lost
from tests.servers.raw import file as file
from tests.servers.raw import serve as serve
from uploader.exchange import Piece, Request, Response
from uploader.http import MOST_BLOCK, Http
from uploader.sender import Permanent, Transient

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
    # The block in whose middle the answer was seen does not count as sent.
    assert 2 * MIB - MOST_BLOCK <= answer.sent < 16 * MIB
    assert tickets


def test_a_file_of_authorities_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(Transient, match="correct ca_file"):
        ask(Http("https://localhost", ca_file=tmp_path / "ca.pem"), Request("GET", "https://x"))
