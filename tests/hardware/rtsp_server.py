"""A network camera for tests: H.264 over RTSP, interleaved in TCP, for any number of clients.

    python rtsp_server.py FILE [USER PASSWORD [HABIT…]]      prints its port; plays FILE for ever

Only what a client needs is there: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN and Basic
authentication. Words on stdin: stall (nothing more is sent), resume, drop (all connections are
cut). RTP time starts at a random number, as the standard asks, and runs with the file.

Habits: digest (asks for that and no other), apart (parameter sets are in the description alone),
forgetful (hangs up when it has heard nothing for two seconds), curious (asks the client now and
then), stuck (its RTP time stands still), datagrams (will not send through the connection).
"""

import base64
import contextlib
import hashlib
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
    """The access units of a file: when each is shown (s), its NAL units; and the parameter sets."""

    def __init__(self, path: str) -> None:
        with av.open(path) as container:
            stream = container.streams.video[0]
            self.rate = float(stream.average_rate or 25)
            to_annexb: Any = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
            self.units = [
                (self.shown(packet, stream), split(bytes(out)))
                for packet in container.demux(stream)
                if packet.size
                for out in (to_annexb.filter(packet) if not annexb(packet) else [packet])
            ]
        sets = [nal for _, unit in self.units for nal in unit if nal[0] & 31 in (7, 8)]
        self.sps = next(nal for nal in sets if nal[0] & 31 == 7)
        self.pps = next(nal for nal in sets if nal[0] & 31 == 8)

    @staticmethod
    def shown(packet: Any, stream: Any) -> float | None:
        return None if packet.pts is None else float(packet.pts * stream.time_base)

    def play(self) -> Iterator[tuple[float, float, list[bytes]]]:
        """When to send, when it is shown, the units."""
        length = len(self.units) / self.rate
        for number, (shown, unit) in enumerate(itertools.cycle(self.units)):
            due = number / self.rate
            rounds = number // len(self.units)
            yield due, due if shown is None else shown + rounds * length, unit


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

    def __init__(self, film: Film, login: str, habits: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.film = film
        self.login, self.habits = login, habits
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
        self.writing = threading.Lock()
        with contextlib.suppress(OSError):
            while request := self.read_request():
                method, headers = request
                self.heard = time.monotonic()
                if not self.allowed(method, headers):
                    self.reply(headers, "401 Unauthorized", f"WWW-Authenticate: {self.asked()}")
                elif not self.answer(method, headers):
                    return

    def asked(self) -> str:
        digest = 'Digest realm="camera", nonce="2a9f", qop="auth", algorithm=MD5'
        return digest if "digest" in self.server.habits else 'Basic realm="camera"'

    def allowed(self, method: str, headers: dict[str, str]) -> bool:
        given = headers.get("authorization", "")
        if "digest" not in self.server.habits:
            return self.server.allowed in ("", given)
        said = dict(re.findall(r'(\w+)="?([^",]*)', given))
        user, _, password = self.server.login.partition(":")
        words = [f"{user}:camera:{password}", f"{method}:{said.get('uri')}"]
        secret, what = (hashlib.md5(word.encode()).hexdigest() for word in words)
        proof = f"{secret}:2a9f:{said.get('nc')}:{said.get('cnonce')}:auth:{what}"
        return said.get("response") == hashlib.md5(proof.encode()).hexdigest()

    def read_request(self) -> tuple[str, dict[str, str]] | None:
        line = self.rfile.readline().decode()
        while line.startswith("$"):  # a receiver report: not ours to read
            line = self.rfile.readline().decode(errors="ignore")
        if not line:
            return None
        headers: dict[str, str] = {}
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
            if "datagrams" in self.server.habits:
                self.reply(headers, "461 Unsupported Transport", "Session: 1")
                return True
            transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            self.reply(headers, "200 OK", f"{transport}\r\nSession: 1;timeout=2")
        elif method == "PLAY":
            self.reply(headers, "200 OK", "Session: 1")
            threading.Thread(target=self.play, daemon=True).start()
        else:
            self.reply(headers, "200 OK", "Session: 1")
        return method != "TEARDOWN"

    def reply(self, headers: dict[str, str], status: str, extra: str, body: str = "") -> None:
        length = f"\r\nContent-Length: {len(body)}" if body else ""
        head = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}{length}"
        self.write(f"{head}\r\n\r\n{body}".encode())

    def write(self, data: bytes) -> None:
        with self.writing:
            self.wfile.write(data)

    def sdp(self) -> str:
        film = self.server.film
        sets = ",".join(base64.b64encode(nal).decode() for nal in (film.sps, film.pps))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            "c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
        )

    def play(self) -> None:
        with contextlib.suppress(OSError):
            self.send_film(self.server.habits)

    def send_film(self, habits: set[str]) -> None:
        base, start, sequence = random.getrandbits(31), time.monotonic(), 0
        for number, (due, shown, unit) in enumerate(self.server.film.play()):
            self.server.flowing.wait()
            time.sleep(max(0.0, start + due - time.monotonic()))
            moved = 0 if "stuck" in habits else round(shown * 90000)
            stamp = (base + moved) & 0xFFFFFFFF
            if "apart" in habits:
                unit = [nal for nal in unit if nal[0] & 31 not in (7, 8)]
            if "curious" in habits and number % 10 == 9:
                self.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
            if "forgetful" in habits and time.monotonic() - self.heard > 2:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            payloads = [part for nal in unit for part in rtp_payloads(nal)]
            for place, payload in enumerate(payloads, 1):
                marker = 0x80 if place == len(payloads) else 0
                head = struct.pack(">BBHII", 0x80, 96 | marker, sequence & 0xFFFF, stamp, 1)
                size = len(head) + len(payload)
                self.write(struct.pack(">cBH", b"$", 0, size) + head + payload)
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
    path, user, password, *habits = [*sys.argv[1:], *[""] * (4 - len(sys.argv))]
    with Server(Film(path), f"{user}:{password}" if user else "", set(habits)) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=obey, args=(server,), daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()
