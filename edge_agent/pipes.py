"""Lines over pipes that never make the recorder wait, and never split a line.

A lost message is never a lost segment (recovery finds the file), so a full pipe loses levels
first and keeps the rest in memory until the reader is back.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from typing import Protocol

#: Reports kept for a supervisor that does not read; at a few per second this is many minutes.
MOST_WAITING = 4000
_CHUNK = 65536


class Line(Protocol):
    def line(self) -> bytes: ...


class Outlet:
    """Writes lines to a non-blocking pipe. Safe to use from several threads."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._rest = b""
        self._lock = threading.Lock()

    def send(self, message: Line) -> None:
        """Send, or keep until there is room. Never blocks, never raises."""
        with self._lock:
            self._waiting.append(message.line())
            self._flush()

    def send_or_drop(self, message: Line) -> None:
        """For what is stale at once (levels): only if nothing is waiting."""
        with self._lock:
            self._flush()
            if not self._rest and not self._waiting:
                self._waiting.append(message.line())
                self._flush()

    def _flush(self) -> None:
        while self._rest or self._waiting:
            self._rest = self._rest or self._waiting.popleft()
            try:
                written = os.write(self._fd, self._rest)
            except BlockingIOError:
                return
            except OSError:  # the reader is gone; end of stdin will tell the main loop
                self._rest = b""
                self._waiting.clear()
                return
            self._rest = self._rest[written:]


class Inlet:
    """Reads whole lines from a file descriptor without blocking."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._buffer = b""
        self._whole: deque[bytes] = deque()
        #: The other end has closed.
        self.ended = False

    def lines(self) -> list[bytes]:
        """The whole lines that have arrived, oldest first."""
        self._read(0)
        lines = [line for line in self._whole if line]
        self._whole.clear()
        return lines

    def line(self, timeout_s: float) -> bytes:
        """Wait for one line and leave the others; empty when none came in time."""
        deadline = time.monotonic() + timeout_s
        while not self._whole and not self.ended and (left := deadline - time.monotonic()) > 0:
            self._read(left)
        return self._whole.popleft() if self._whole else b""

    def _read(self, wait_s: float) -> None:
        while not self.ended and select.select([self.fd], [], [], wait_s)[0]:
            wait_s = 0
            data = os.read(self.fd, _CHUNK)
            self.ended = not data
            *whole, self._buffer = (self._buffer + data).split(b"\n")
            self._whole.extend(whole)
