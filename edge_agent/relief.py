"""Watch from inside a recorder whether the PC keeps up, and say what is given up until it does.

Thin: what follows from what is seen stands in `edge_agent.rules.overload`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from capture.source import SourceInfo
from edge_agent.rules.overload import Ease, Load, Step, look

LOOK_NS = 1_000_000_000
PRESSURE = Path("/proc/pressure/cpu")
_SOME = re.compile(rb"some avg10=([0-9.]+)")


class Queue(Protocol):
    """The part of the pump that is looked at."""

    @property
    def backlog(self) -> float: ...
    @property
    def dropped(self) -> int: ...


class Relief:
    """Tell it of every wait, and ask it after every sample."""

    def __init__(self, queue: Queue, most: Step, pressure: Path = PRESSURE) -> None:
        self._queue = queue
        self._most = most
        self._pressure = pressure
        self.ease = Ease()
        self._waited_ns = 0
        self._looked_ns: int | None = None
        self._dropped = 0

    def begin(self) -> None:
        """A new recording begins with everything."""
        self.ease = Ease()
        self._looked_ns = None

    def waited(self, ns: int) -> None:
        """So long the recorder had nothing to do but wait for its device."""
        self._waited_ns += ns

    def step(self, now_ns: int) -> bool:
        """Look, about once a second. True: something else than before is given up."""
        if self._looked_ns is None:
            self._note(now_ns)
            return False
        elapsed_ns = now_ns - self._looked_ns
        if elapsed_ns < LOOK_NS or self._most is Step.NONE:
            return False
        load = Load(
            backlog=self._queue.backlog,
            busy=max(0.0, 1 - self._waited_ns / elapsed_ns),
            dropped=self._queue.dropped - self._dropped,
            pressure=cpu_pressure(self._pressure),
        )
        self._note(now_ns)
        before, self.ease = self.ease.step, look(self.ease, now_ns, load, self._most)
        return self.ease.step is not before

    def _note(self, now_ns: int) -> None:
        self._looked_ns, self._waited_ns, self._dropped = now_ns, 0, self._queue.dropped


def most_relief(info: SourceInfo, still: bool) -> Step:
    """What a track can give up. Sound: nothing. A camera's own packets: the preview. Slides keep
    their size, since their text must be read."""
    if info.media == "audio":
        return Step.NONE
    if info.delivers == "h264":
        return Step.PREVIEW
    return Step.RATE if still else Step.SIZE


def cpu_pressure(file: Path = PRESSURE) -> float | None:
    """`some avg10` in percent; None where the kernel does not count it."""
    try:
        found = _SOME.match(file.read_bytes())
    except OSError:
        return None
    return float(found[1]) if found else None
