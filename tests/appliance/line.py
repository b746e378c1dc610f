"""The last stretch to a server: carries TCP connections, and can go dead as when a PC loses power.

A server does not learn of a power cut at the other end: its connection stays open and silent.
"""

from __future__ import annotations

import contextlib
import socket
import threading

_BLOCK = 1 << 14


class Line:
    """Connections to its `port` on this computer are carried to `to`."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        #: Ends at the guest's side, and those at the server's.
        self._near: set[socket.socket] = set()
        self._far: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def power_cut(self) -> None:
        """To be called just before: of the connections there are, the server hears no end."""
        with self._lock:
            self._near.clear()

    def close(self) -> None:
        self._listener.close()
        with self._lock:
            ends = self._near | self._far
            self._near, self._far = set(), set()
        for end in ends:
            _hang_up(end)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._near.add(near)
                self._far.add(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Until one side ends; its end is passed on unless the power was cut."""
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                sink.sendall(data)
        with self._lock:
            dead = not self._near & {source, sink}
            self._near -= {source, sink}
        if not dead:
            _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
