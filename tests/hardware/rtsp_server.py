"""A network camera for tests: H.264 over RTSP, interleaved in TCP, for any number of clients.

    python rtsp_server.py FILE [USER PASSWORD]      prints its port; plays FILE for ever

Only what a client needs is there: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN and Basic
authentication. Words on stdin: stall (nothing more is sent), resume, drop (all connections are
cut). RTP time starts at a random number, as the standard asks, and runs with the file.
"""

import base64
import itertools
import random
import re
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import av

MTU = 1400


class Film:
    """The access units of a file: (seconds, NAL units), and its parameter sets."""

    def __init__(self, path: str) -> None:
        with av.open(path) as container:
            stream = container.streams.video[0]
            self.rate = float(stream.average_rate or 25)
            to_annexb: Any = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
            self.units = [
                split(bytes(out))
                for packet in container.demux(stream)
                if packet.size
                for out in (to_annexb.filter(packet) if not annexb(packet) else [packet])
            ]
        sets = [nal for unit in self.units for nal in unit if nal[0] & 31 in (7, 8)]
        self.sps = next(nal for nal in sets if nal[0] & 31 == 7)
        self.pps = next(nal for nal in sets if nal[0] & 31 == 8)

    def play(self) -> Iterator[tuple[float, list[bytes]]]:
        for number, unit in enumerate(itertools.cycle(self.units)):
            yield number / self.rate, unit


def annexb(packet: Any) -> bool:
    return bytes(packet)[:4] in (b"\0\0\0\1", b"\0\0\1\x09")


def split(data: bytes) -> list[bytes]:
    return [nal for nal in re.split(rb"\x00*\x00\x00\x01", data) if nal]


def rtp_payloads(nal: bytes) -> list[bytes]:
    """A NAL unit as it is, or cut into FU-A fragments (RFC 6184)."""
    if len(nal) <= MTU:
        return [nal]
    indicator, kind, rest = nal[0] & 0xE0 | 28, nal[0] & 31, nal[1:]
    parts = [rest[at : at + MTU] for at in range(0, len(rest), MTU)]
    last = len(parts) - 1
    return [
        bytes([indicator, kind | (0x80 if n == 0 else 0) | (0x40 if n == last else 0)]) + part
        for n, part in enumerate(parts)
    ]


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, film: Film, login: str) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.film = film
        self.allowed = "Basic " + base64.b64encode(login.encode()).decode() if login else ""
        self.flowing = threading.Event()
        self.flowing.set()
        self.sockets: list[socket.socket] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of a camera."""


class Session(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.sockets.append(self.connection)
        while True:
            request = self.read_request()
            if not request:
                return
            method, headers = request
            if self.server.allowed and headers.get("authorization") != self.server.allowed:
                self.reply(headers, "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"')
                continue
            if not self.answer(method, headers):
                return

    def read_request(self) -> tuple[str, dict[str, str]] | None:
        line = self.rfile.readline().decode()
        while line.startswith("$"):  # a receiver report: not ours to read
            line = self.rfile.readline().decode(errors="ignore")
        if not line:
            return None
        headers = {}
        for text in iter(lambda: self.rfile.readline().decode().strip(), ""):
            key, _, value = text.partition(":")
            headers[key.strip().lower()] = value.strip()
        return line.split()[0], headers

    def answer(self, method: str, headers: dict[str, str]) -> bool:
        if method == "OPTIONS":
            self.reply(headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE":
            self.reply(headers, "200 OK", "Content-Type: application/sdp", self.sdp())
        elif method == "SETUP":
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            self.reply(headers, "200 OK", f"{transport}\r\nSession: 1")
        elif method == "PLAY":
            self.reply(headers, "200 OK", "Session: 1")
            self.play()
            return False
        else:
            self.reply(headers, "200 OK", "Session: 1")
        return method != "TEARDOWN"

    def reply(self, headers: dict[str, str], status: str, extra: str, body: str = "") -> None:
        length = f"\r\nContent-Length: {len(body)}" if body else ""
        head = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}{length}"
        self.wfile.write(f"{head}\r\n\r\n{body}".encode())

    def sdp(self) -> str:
        film = self.server.film
        sets = ",".join(base64.b64encode(nal).decode() for nal in (film.sps, film.pps))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            "c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
        )

    def play(self) -> None:
        base, start, sequence = random.getrandbits(31), time.monotonic(), 0
        for seconds, unit in self.server.film.play():
            self.server.flowing.wait()
            time.sleep(max(0.0, start + seconds - time.monotonic()))
            stamp = (base + round(seconds * 90000)) & 0xFFFFFFFF
            payloads = [part for nal in unit for part in rtp_payloads(nal)]
            for number, payload in enumerate(payloads, 1):
                marker = 0x80 if number == len(payloads) else 0
                head = struct.pack(">BBHII", 0x80, 96 | marker, sequence & 0xFFFF, stamp, 1)
                size = len(head) + len(payload)
                self.wfile.write(struct.pack(">cBH", b"$", 0, size) + head + payload)
                sequence += 1


def obey(server: Server) -> None:
    for line in sys.stdin:
        word = line.strip()
        if word == "stall":
            server.flowing.clear()
        elif word == "resume":
            server.flowing.set()
        elif word == "drop":
            for connection in server.sockets:
                connection.close() if connection.fileno() < 0 else connection.shutdown(2)
    server.shutdown()


def main() -> None:
    path, user, password = (*sys.argv[1:], "", "", "")[:3]
    with Server(Film(path), f"{user}:{password}" if user else "") as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=obey, args=(server,), daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
