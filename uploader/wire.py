"""A connection that can be asked whether an answer is there, and that ticks while it waits.

What ready clients lack and thin links need. The answer is looked for while the body still leaves: a
413 after the first MiB must not cost the other fifty. Whoever waits is called ten times a second.
Little unsent data lies in the socket, so that a stop is a stop. Knows nothing of HTTP but its first
words.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import httpcore

#: `waiting` is called this often while the socket is waited for, seconds: a round trip or so.
TICK_S = 0.1
#: At most this much waits unsent in the kernel until a link has shown that it is fast, bytes.
LEAST_ROOM = 64 << 10
#: What every socket gets: a dead peer is noticed, and little waits unsent (the window itself stays
#: the kernel's business, or fast links would be slow).
SOCKET_OPTIONS: tuple[tuple[int, int, int], ...] = (
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 90_000),  # ms
    (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, LEAST_ROOM),
)
_SILENT = (TimeoutError, BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def tls(ca_file: Path | None = None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of the campus. Raises OSError."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


class Wire(httpcore.NetworkStream):
    """See the module's text. `socket` is the TCP socket, or its TLS wrapper."""

    def __init__(self, inner: httpcore.NetworkStream, backend: Backend) -> None:
        self._inner = inner
        self._backend = backend
        self._ahead: bytes | None = None
        self.socket: socket.socket = inner.get_extra_info("socket")
        self.socket.settimeout(0)
        self._poll = select.poll()
        self._room = LEAST_ROOM
        self._due = 0.0
        backend.took(self)

    def give_room(self, size: int) -> None:
        """So much may wait unsent in the kernel: fewer wake-ups on a fast link."""
        room = max(LEAST_ROOM, size)
        if room != self._room:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, room)
            self._room = room

    def answered(self) -> bool:
        """Has the server said something final, or hung up, though it has not heard everything?"""
        try:
            self._ahead = (self._ahead or b"") + self.socket.recv(1 << 16)
        except _SILENT:
            return False
        except OSError:
            return True
        return not self._ahead.startswith(b"HTTP/1.1 1")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._ahead is not None:
            data, self._ahead = self._ahead, None
            return data
        deadline = time.monotonic() + (timeout or TICK_S)
        while True:
            try:
                return self.socket.recv(max_bytes)
            except _SILENT as error:
                if not self._ready(_wanted(error, select.POLLIN)) and time.monotonic() >= deadline:
                    raise httpcore.ReadTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """What is heard meanwhile is looked at as soon as it comes."""
        left = memoryview(buffer)
        deadline = 0.0
        while left:
            try:
                left = left[self.socket.send(left) :]
                deadline = 0.0
            except _SILENT as error:
                deadline = deadline or time.monotonic() + (timeout or TICK_S)
                events = self._ready(_wanted(error, select.POLLOUT) | select.POLLIN)
                if events & select.POLLIN and self.answered():
                    raise httpcore.WriteError("answered before the end") from error
                if not events and time.monotonic() >= deadline:
                    raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def _ready(self, wanted: int) -> int:
        """What the socket is ready for soon; 0 is nothing. Whoever waits is told now and then."""
        self._poll.register(self.socket, wanted)
        events = self._poll.poll(1000 * TICK_S)
        now = time.monotonic()
        if now >= self._due and self._backend.waiting is not None:
            self._due = now + TICK_S
            self._backend.waiting()
        return events[0][1] if events else 0

    def close(self) -> None:
        self._backend.lost(self)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return Wire(self._inner.start_tls(ssl_context, server_hostname, timeout), self._backend)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _wanted(error: Exception, usual: int) -> int:
    """TLS may have to hear something before it can say something, and the other way round."""
    if isinstance(error, ssl.SSLWantReadError):
        return select.POLLIN
    return select.POLLOUT if isinstance(error, ssl.SSLWantWriteError) else usual


class Backend(httpcore.SyncBackend):
    """Makes wires. `wire` is the one in use, `waiting` what to call while it waits.

    `opened` gets the socket of each connection, over TLS a second time with its wrapper.
    """

    def __init__(self, opened: Callable[[socket.socket], None]) -> None:
        self.wire: Wire | None = None
        self.waiting: Callable[[], None] | None = None
        self._opened = opened

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        inner = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return Wire(inner, self)

    def took(self, wire: Wire) -> None:
        self.wire = wire
        self._opened(wire.socket)

    def lost(self, wire: Wire) -> None:
        if self.wire is wire:
            self.wire = None
