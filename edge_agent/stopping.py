"""Being told to stop by a signal, in a process whose main thread waits.

Not by threading.Event: its `set`, called by a signal's handler, waits for the lock that `wait` may
hold at that moment in the very same thread, and neither ever goes on. That was seen once in some
ten thousand stops. A byte in a pipe wakes whoever waits, and takes no lock.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Protocol


class Stop(Protocol):
    """What a loop looks at, and waits for."""

    def is_set(self) -> bool: ...

    def wait(self, seconds: float, /) -> bool:
        """Wait so long at most; whether it is time to stop."""
        ...


class _Pipe:
    def __init__(self, reading: int) -> None:
        self._reading = reading
        self.asked = False

    def is_set(self) -> bool:
        return self.asked

    def wait(self, seconds: float, /) -> bool:
        select.select([self._reading], [], [], max(0.0, seconds))
        return self.asked


@contextlib.contextmanager
def told_by_signals() -> Iterator[Stop]:
    """SIGTERM and SIGINT set it, from now until the block ends. For the main thread only."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stop = _Pipe(reading)

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.asked = True
        with contextlib.suppress(BlockingIOError):  # full: whoever waits is awake
            os.write(writing, b"\0")

    former = {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
