"""Laws of our RTSP client beside a camera that is broken, or is none: it gives up, and in time."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from capture.rtsp_client import MOST, MOST_PICTURE, RtspClient, Unusual

SDP = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:1\r\n"
ANSWERS = (
    b"Public: OPTIONS\r\n",
    b"Content-Type: application/sdp\r\nContent-Length: " + str(len(SDP)).encode() + b"\r\n",
    b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
    b"Session: 1\r\n",
)


def packet(sequence: int, payload: bytes) -> bytes:
    head = struct.pack(">BBHII", 0x80, 96, sequence & 0xFFFF, 90_000, 7)
    return struct.pack(">BBH", ord("$"), 0, len(head + payload)) + head + payload


def endless_slice() -> Iterator[bytes]:
    """One picture that begins and never ends, in pieces of 60 kB."""
    yield packet(0, b"\x7c\x85" + bytes(60_000))
    for sequence in range(1, 1 << 30):
        yield packet(sequence, b"\x7c\x05" + bytes(60_000))


def endless_sets() -> Iterator[bytes]:
    """Parameter sets of a picture that never comes."""
    for sequence in range(1 << 30):
        yield packet(sequence, b"\x67" + bytes(60_000))


@contextmanager
def camera(stream: Iterator[bytes]) -> Iterator[tuple[str, list[int]]]:
    """Plays `stream` as fast as it is read, until nobody does. Its address; what it has sent."""
    sent = [0]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def play() -> None:
            connection, _ = server.accept()
            with connection:
                for number, headers in enumerate(ANSWERS, 1):
                    connection.recv(4096)
                    body = SDP if number == 2 else b""
                    head = b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n" % number
                    connection.sendall(head + headers + b"\r\n" + body)
                try:
                    for data in stream:
                        connection.sendall(data)
                        sent[0] += len(data)
                except OSError:
                    return  # it has hung up

        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/", sent
        finally:
            thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("stream", [endless_slice, endless_sets])
def test_a_picture_without_an_end_is_given_up_before_it_fills_the_memory(stream: object) -> None:
    """Not by the clock alone: within its five seconds a fast network brings half a gigabyte."""
    assert callable(stream)
    with camera(stream()) as (url, sent):
        client = RtspClient(url, open_s=60.0, silent_s=3600.0)
        try:
            client.open()
            with pytest.raises(Unusual, match="makes no pictures"):
                client.read()
            assert client._came <= MOST_PICTURE + 2 * MOST
        finally:
            client.close()
    assert sent[0] > MOST_PICTURE // 2


@pytest.mark.parametrize("url", ["rtsp://camera..local/", f"rtsp://{'a' * 70}/"])
def test_a_name_that_no_computer_can_have_is_left_to_ffmpegs_words(url: str) -> None:
    client = RtspClient(url, open_s=1.0, silent_s=1.0)
    with pytest.raises(Unusual):
        client.open()
    client.close()
