"""Laws of a request that has to make way: what a cut would lose, and what waiting costs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.raw import OK, Server, head_of
from tests.servers.raw import serve as serve
from uploader.exchange import Piece, Request
from uploader.http import Http
from uploader.sender import MakesWay, Phase
from uploader.sizing import LATE_S, SOON_S, ends_first

PIECE = 4 << 20
BOTH = (Piece(0, PIECE), Piece(PIECE, PIECE))
lengths = st.integers(1, 1 << 32)
durations = st.floats(0.001, 10_000)


@given(lengths, st.floats(0, 1), durations)
def test_waiting_is_never_longer_than_what_the_cut_would_cost_or_some_seconds(
    length: int, share: float, seconds: float
) -> None:
    sent = int(share * length)
    if ends_first(sent, length, seconds):
        left_s = (length - sent) * seconds / sent
        assert left_s <= max(SOON_S, min(seconds, LATE_S)) * 1.001


@given(lengths, st.floats(0, 1), durations)
def test_a_cut_loses_less_than_half_of_a_request_or_spares_a_minute(
    length: int, share: float, seconds: float
) -> None:
    sent = int(share * length)
    if not ends_first(sent, length, seconds):
        left_s = (length - sent) * seconds / sent if sent else LATE_S
        assert sent * 2 <= length or left_s >= LATE_S * 0.999


@given(lengths, durations)
def test_what_has_not_begun_is_cut_and_what_has_left_is_not(length: int, seconds: float) -> None:
    assert not ends_first(0, length, seconds)
    assert ends_first(length, length, seconds)


class Platform:
    """Takes requests of a known length, and counts the bytes of each."""

    def __init__(self) -> None:
        self.came: list[int] = []

    def talk(self, connection: socket.socket) -> None:
        while data := head_of(connection):
            self.came.append(len(data.partition(b"\r\n\r\n")[2]))
            while self.came[-1] < PIECE and (more := connection.recv(1 << 16)):
                self.came[-1] += len(more)
            if self.came[-1] == PIECE:
                connection.sendall(OK)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PIECE))
    return path


class Overtaken(MakesWay):
    """Something is worth more, from the byte `at` on."""


def overtaken(at: int) -> Callable[[Phase, int], None]:
    """As the delivery looks: once in a while, not at every step."""
    asked = iter([True])

    def progress(_phase: Phase, done: int) -> None:
        if done > at and next(asked, False):
            raise Overtaken

    return progress


def send(http: Http, url: str, pieces: tuple[Piece, ...], *, kept: bool) -> Any:
    for piece in pieces:
        yield Request("PATCH", url, body=piece, kept=kept)


def test_a_request_that_ends_soon_ends_and_nothing_is_sent_twice(
    serve: Callable[..., Server], file: Path
) -> None:
    platform = Platform()
    base = f"http://localhost:{serve(platform.talk).port}"
    http = Http(base)
    with pytest.raises(Overtaken):
        http.run(send(http, base, BOTH, kept=False), file, overtaken(PIECE // 2))
    assert platform.came == [PIECE], "it ended, and the next did not begin"
    http.run(send(http, base, BOTH[1:], kept=False), file, lambda _phase, _done: None)
    http.close()
    assert sum(platform.came) == 2 * PIECE


def test_the_last_request_of_a_file_ends_it(serve: Callable[..., Server], file: Path) -> None:
    platform = Platform()
    base = f"http://localhost:{serve(platform.talk).port}"
    http = Http(base)
    http.run(send(http, base, BOTH, kept=False), file, overtaken(PIECE + PIECE // 2))
    http.close()
    assert platform.came == [PIECE, PIECE]


def test_where_what_came_is_kept_it_makes_way_at_once(
    serve: Callable[..., Server], file: Path
) -> None:
    platform = Platform()
    server = serve(platform.talk)
    base = f"http://localhost:{server.port}"
    http = Http(base)
    with pytest.raises(Overtaken):
        http.run(send(http, base, BOTH, kept=True), file, overtaken(0))
    http.close()
    server.close()
    assert sum(platform.came) < PIECE


def test_what_people_order_cuts_at_once(serve: Callable[..., Server], file: Path) -> None:
    class Stopped(Exception):
        pass

    def progress(_phase: Phase, done: int) -> None:
        if done:
            raise Stopped

    platform = Platform()
    server = serve(platform.talk)
    base = f"http://localhost:{server.port}"
    http = Http(base)
    with pytest.raises(Stopped):
        http.run(send(http, base, BOTH, kept=False), file, progress)
    http.close()
    server.close()
    assert sum(platform.came) < PIECE
