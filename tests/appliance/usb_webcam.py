"""A USB webcam (UVC, MJPEG) with a microphone (UAC1), served by USB/IP to the guest's real drivers.

    python -m tests.appliance.usb_webcam PORT FRAMES.mjpg WIDTH HEIGHT FPS SERIAL

The guest attaches it with `usbip attach`. Ending this process pulls the cable. Pictures go over a
bulk endpoint (many webcams use an isochronous one), sound over an isochronous one. Needs nothing
but Python's library. See `usb_descriptors` for what it says of itself.
"""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.appliance.usb_descriptors import BUS_ID, PAYLOAD, Webcam

SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
STALL, RESET = -32, -104
#: Samples and bytes in a packet of sound: 1 ms of 48 kHz mono.
AUDIO_SAMPLES, AUDIO_BYTES = 48, 96


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request of the guest that waits for a picture or for sound."""

    number: int
    packets: int = 0
    descriptors: bytes = b""


class Queue:
    """Requests of one endpoint, answered in order."""

    def __init__(self, ended: threading.Event, lock: threading.Lock) -> None:
        self._requests: list[Waiting] = []
        self._news = threading.Condition(lock)
        self._ended = ended

    def put(self, request: Waiting) -> None:
        with self._news:
            self._requests.append(request)
            self._news.notify_all()

    def first(self) -> Waiting | None:
        """Wait for a request; None when the cable is gone."""
        with self._news:
            while not self._requests:
                if self._ended.is_set():
                    return None
                self._news.wait(0.5)
            return self._requests[0]

    def take(self, number: int) -> bool:
        """Remove a request if it is still there. The lock is held by the caller."""
        left = [request for request in self._requests if request.number != number]
        taken = len(left) < len(self._requests)
        self._requests[:] = left
        return taken


class Cable:
    """One attached guest.

    A request is taken and answered under one lock: an answer that crossed the guest's UNLINK
    would make it drop the device.
    """

    def __init__(self, line: socket.socket, webcam: Webcam, frames: list[bytes]) -> None:
        self._line, self._webcam, self._frames = line, webcam, frames
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._pictures = Queue(self._ended, self._lock)
        self._sound = Queue(self._ended, self._lock)

    def serve(self) -> None:
        """Until the guest detaches or goes."""
        for work in (self._send_pictures, self._send_sound):
            threading.Thread(target=self._quietly, args=(work,), daemon=True).start()
        with contextlib.suppress(ConnectionError, OSError):
            while True:
                self._hear()
        self._ended.set()

    def _quietly(self, work: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            work()

    def _hear(self) -> None:
        kind, number, _, inward, endpoint = struct.unpack(">IIIII", receive(self._line, 20))
        rest = receive(self._line, 28)
        if kind == UNLINK:
            self._unlink(number, struct.unpack(">I", rest[:4])[0])
            return
        _, length, _, packets, _ = struct.unpack(">IiiiI", rest[:20])
        data_out = receive(self._line, length) if inward == 0 and length else b""
        descriptors = receive(self._line, 16 * packets) if packets > 0 else b""
        if endpoint == 0:
            self._control(number, rest[20:], data_out, inward, length)
        elif endpoint == 1:
            self._pictures.put(Waiting(number))
        elif endpoint == 2:
            self._sound.put(Waiting(number, packets, descriptors))
        else:
            self._answer(number, STALL)

    def _control(self, number: int, setup: bytes, data: bytes, inward: int, length: int) -> None:
        answer = self._webcam.control(setup)
        if answer is None:
            self._answer(number, STALL)
        elif inward == 0:
            self._answer(number, 0, actual=len(data) if data else length)
        else:
            self._answer(number, 0, answer)

    def _answer(self, number: int, status: int, data: bytes = b"", actual: int = -1) -> None:
        with self._lock:
            self._send(number, status, data, actual)

    def _send(
        self, number: int, status: int, data: bytes, actual: int = -1, packets: int = 0
    ) -> None:
        size = len(data) if actual < 0 else actual
        head = struct.pack(
            ">IIIIIiiiii8x", RET_SUBMIT, number, 0, 0, 0, status, size, 0, packets, 0
        )
        self._line.sendall(head + data)

    def _unlink(self, number: int, victim: int) -> None:
        with self._lock:
            hit = self._pictures.take(victim) or self._sound.take(victim)
            status = RESET if hit else 0
            self._line.sendall(struct.pack(">IIIIIi24x", RET_UNLINK, number, 0, 0, 0, status))

    def _send_pictures(self) -> None:
        """At the pace of the camera; a guest that asks late loses pictures, not time."""
        pace, number = 1 / self._webcam.fps, 0
        due = time.monotonic()
        while not self._ended.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + pace, time.monotonic() - pace)
            self._send_picture(self._frames[number % len(self._frames)], number & 1)
            number += 1

    def _send_picture(self, jpeg: bytes, toggle: int) -> None:
        sent = 0
        while sent < len(jpeg):
            request = self._pictures.first()
            if request is None:
                return
            part = jpeg[sent : sent + PAYLOAD - 2]
            last = sent + len(part) >= len(jpeg)
            with self._lock:
                if self._pictures.take(request.number):
                    head = bytes([2, 0x80 | toggle | (2 if last else 0)])
                    self._send(request.number, 0, head + part)
                    sent += len(part)

    def _send_sound(self) -> None:
        """A tone of 440 Hz, 1 ms a packet."""
        phase, due = 0, 0.0
        while (request := self._sound.first()) is not None:
            now = time.monotonic()
            due = (now if now - due > 0.5 else due) + request.packets / 1000
            time.sleep(max(0.0, due - now))
            data, places = b"", b""
            for number in range(request.packets):
                offset, length = struct.unpack_from(">II", request.descriptors, 16 * number)
                data += _tone(phase)
                places += struct.pack(">IIIi", offset, length, AUDIO_BYTES, 0)
                phase += AUDIO_SAMPLES
            with self._lock:
                if self._sound.take(request.number):
                    size = len(data)
                    self._send(request.number, 0, data + places, size, request.packets)


def _tone(first: int) -> bytes:
    angles = (2 * math.pi * 440 * (first + n) / 48_000 for n in range(AUDIO_SAMPLES))
    return struct.pack(f"<{AUDIO_SAMPLES}h", *(int(8000 * math.sin(angle)) for angle in angles))


def receive(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def pictures(mjpeg: bytes) -> list[bytes]:
    """The single JPEGs of a stream."""
    found, end = [], 0
    while (start := mjpeg.find(b"\xff\xd8", end)) >= 0:
        end = mjpeg.find(b"\xff\xd9", start) + 2
        found.append(mjpeg[start:end])
    return found


def _welcome(line: socket.socket, webcam: Webcam, frames: list[bytes]) -> None:
    """The beginning of USB/IP: a list of devices, or one of them."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        _, code, _ = struct.unpack(">HHI", receive(line, 8))
        if code == 0x8005:
            line.sendall(struct.pack(">HHII", 0x111, 5, 0, 1) + webcam.record(interfaces=True))
        elif code == 0x8003:
            receive(line, len(BUS_ID))
            line.sendall(struct.pack(">HHI", 0x111, 3, 0) + webcam.record(interfaces=False))
            Cable(line, webcam, frames).serve()
    line.close()


def main(port: str, frames: str, width: str, height: str, fps: str, serial: str) -> None:
    webcam = Webcam(int(width), int(height), int(fps), serial)
    jpegs = pictures(Path(frames).read_bytes())
    with socket.create_server(("127.0.0.1", int(port))) as door:
        while True:
            line, _ = door.accept()
            threading.Thread(target=_welcome, args=(line, webcam, jpegs), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
