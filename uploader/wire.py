"""A connection that can be asked whether an answer is there, and that ticks while it waits.

What ready clients lack and thin links need. The answer is looked for while the body still leaves: a
413 after the first MiB must not cost the other fifty. Whoever waits is called each second. Little
unsent data lies in the socket, so that a stop is a stop. Knows nothing of HTTP but its first words.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import httpcore

T = TypeVar("T")

#: `waiting` is called this often while nothing moves, seconds.
TICK_S = 1.0
#: What every socket gets: a dead peer is noticed, and at most this much waits unsent in the kernel
#: (the window itself stays the kernel's business, or fast links would be slow).
SOCKET_OPTIONS: tuple[tuple[int, int, int], ...] = (
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 90_000),  # ms
    (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 64 << 10),
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
        backend.took(self)

    def answered(self) -> bool:
        """Has the server said something final, or hung up, though it has not heard everything?"""
        self.socket.settimeout(0)
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
        return self._patiently(
            lambda: self.socket.recv(max_bytes), timeout, httpcore.ReadTimeout, httpcore.ReadError
        )

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        while view:
            sent = self._patiently(
                lambda left=view: self.socket.send(left),  # type: ignore[misc]
                timeout,
                httpcore.WriteTimeout,
                httpcore.WriteError,
            )
            view = view[sent:]

    def _patiently(
        self,
        act: Callable[[], T],
        timeout: float | None,
        late: type[Exception],
        failed: type[Exception],
    ) -> T:
        deadline = time.monotonic() + (timeout or TICK_S)
        while True:
            self.socket.settimeout(TICK_S)
            try:
                return act()
            except _SILENT as error:
                if self._backend.waiting is not None:
                    self._backend.waiting()
                if time.monotonic() >= deadline:
                    raise late(str(error)) from error
            except OSError as error:
                raise failed(str(error)) from error
            if failed is httpcore.WriteError and self.answered():
                raise failed("answered before the end")

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
