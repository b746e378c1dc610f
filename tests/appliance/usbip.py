"""The server's end of USB/IP: a device on this computer that a guest attaches with `usbip attach`.

Words and layouts are those of Linux's Documentation/usb/usbip_protocol.rst. Ending the process that
serves pulls the cable. Needs nothing but Python's library.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

BUS_ID = b"1-1".ljust(32, b"\0")
SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
STALL, RESET = -32, -104
_VERSION, _LIST, _LISTED, _IMPORT, _IMPORTED = 0x111, 0x8005, 5, 0x8003, 3


class Device(Protocol):
    """What is served."""

    def record(self, *, interfaces: bool) -> bytes:
        """As USB/IP lists a device."""

    def control(self, setup: bytes, data: bytes) -> bytes | None:
        """The answer to a request on endpoint 0; None is a stall. `data` is what came with it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request of the guest that waits for data."""

    number: int
    packets: int = 0
    descriptors: bytes = b""


class Queue:
    """Requests of one endpoint, answered in order."""

    def __init__(self, ended: threading.Event, lock: threading.Lock) -> None:
        self._requests: list[Waiting] = []
        self._news = threading.Condition(lock)
        self.ended = ended

    def put(self, request: Waiting) -> None:
        with self._news:
            self._requests.append(request)
            self._news.notify_all()

    def first(self) -> Waiting | None:
        """Wait for a request; None when the cable is gone."""
        with self._news:
            while not self._requests:
                if self.ended.is_set():
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

    def __init__(self, line: socket.socket, device: Device, feeders: Mapping[int, Feeder]) -> None:
        self._line, self._device, self._feeders = line, device, feeders
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._queues = {number: Queue(self._ended, self._lock) for number in feeders}

    def serve(self) -> None:
        """Until the guest detaches or goes."""
        for number, feeder in self._feeders.items():
            work = (feeder, self._queues[number])
            threading.Thread(target=self._quietly, args=work, daemon=True).start()
        with contextlib.suppress(ConnectionError, OSError):
            while True:
                self._hear()
        self._ended.set()

    def answer(
        self, queue: Queue, request: Waiting, data: bytes, actual: int = -1, packets: int = 0
    ) -> bool:
        """False: the guest has taken the request back meanwhile."""
        with self._lock:
            waits = queue.take(request.number)
            if waits:
                self._send(request.number, 0, data, actual, packets)
            return waits

    def _quietly(self, feeder: Feeder, queue: Queue) -> None:
        with contextlib.suppress(OSError):
            feeder(self, queue)

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
            self._control(number, rest[20:], data_out, inward)
        elif endpoint in self._queues:
            self._queues[endpoint].put(Waiting(number, packets, descriptors))
        else:
            with self._lock:
                self._send(number, STALL)

    def _control(self, number: int, setup: bytes, data: bytes, inward: int) -> None:
        answer = self._device.control(setup, data)
        with self._lock:
            if answer is None:
                self._send(number, STALL)
            elif inward == 0:
                self._send(number, 0, actual=len(data))
            else:
                self._send(number, 0, answer)

    def _send(
        self, number: int, status: int, data: bytes = b"", actual: int = -1, packets: int = 0
    ) -> None:
        size = len(data) if actual < 0 else actual
        head = struct.pack(
            ">IIIIIiiiii8x", RET_SUBMIT, number, 0, 0, 0, status, size, 0, packets, 0
        )
        self._line.sendall(head + data)

    def _unlink(self, number: int, victim: int) -> None:
        with self._lock:
            hit = any(queue.take(victim) for queue in self._queues.values())
            status = RESET if hit else 0
            self._line.sendall(struct.pack(">IIIIIi24x", RET_UNLINK, number, 0, 0, 0, status))


#: Answers the requests of one endpoint, in a thread of its own, until the cable is gone.
Feeder = Callable[[Cable, Queue], None]


def never(cable: Cable, queue: Queue) -> None:
    """An endpoint that has nothing to say."""


def receive(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def listing(
    vendor: int, product: int, release: int, kind: tuple[int, int, int], speed: int, count: int
) -> bytes:
    """A device as USB/IP lists it. Speed 1 is low, 2 full, 3 high; `count` of its interfaces."""
    return struct.pack(
        ">256s32sIIIHHHBBBBBB",
        *(b"/sys/devices/emulated/1-1", BUS_ID, 1, 2, speed, vendor, product, release),
        *(*kind, 1, 1, count),
    )


def serve(port: int, device: Device, feeders: Mapping[int, Feeder]) -> None:
    """For ever: everybody who attaches gets the device."""
    with socket.create_server(("127.0.0.1", port)) as door:
        while True:
            line, _ = door.accept()
            work = (line, device, feeders)
            threading.Thread(target=_welcome, args=work, daemon=True).start()


def _welcome(line: socket.socket, device: Device, feeders: Mapping[int, Feeder]) -> None:
    """The beginning of USB/IP: a list of devices, or one of them."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        _, code, _ = struct.unpack(">HHI", receive(line, 8))
        if code == _LIST:
            head = struct.pack(">HHII", _VERSION, _LISTED, 0, 1)
            line.sendall(head + device.record(interfaces=True))
        elif code == _IMPORT:
            receive(line, len(BUS_ID))
            head = struct.pack(">HHI", _VERSION, _IMPORTED, 0)
            line.sendall(head + device.record(interfaces=False))
            Cable(line, device, feeders).serve()
    line.close()
