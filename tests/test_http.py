"""The way to a server: what is sent, what is heard, and what is said when the way is bad."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.raw import MIB, OK, Server, ask, drain, get, head_of, lost
from tests.servers.raw import file as file
from tests.servers.raw import serve as serve
from uploader.exchange import Digest, Piece, Request, Response
from uploader.http import Http, Patience

SHORT = Patience(connect=2, write=2, read=2)


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
