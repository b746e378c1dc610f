"""Where the time goes between the agent's start and its first armed devices: two lines for the log.

On a busy PC a start can take ten times as long; the processor time beside tells work from waiting.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from edge_agent.children import Recorder
from edge_agent.rules.health import SECOND, Phase

#: Who has not been armed by then is named, and nobody is waited for any longer.
PATIENCE_NS = 60 * SECOND


def process_began_ns() -> int:
    """When the kernel made this process, on the monotonic clock (to 10 ms).

    Both clocks run alike except for the time of sleep, which ends no later than now.
    """
    after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    ticks = int(after_name[19])
    slept_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return ticks * SECOND // os.sysconf("SC_CLK_TCK") - slept_ns


class Starting:
    """Give each phase its name when it ends; then ask `armed` each round."""

    def __init__(self, began_ns: int, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._began_ns = self._last_ns = began_ns
        self._clock_ns = clock_ns
        self._phases: list[tuple[str, int]] = []
        self._armed: dict[str, int] | None = {}

    def ended(self, phase: str) -> None:
        now_ns = self._clock_ns()
        self._phases.append((phase, now_ns - self._last_ns))
        self._last_ns = now_ns

    def ready(self) -> str:
        """The first line: up to the loop."""
        parts = ", ".join(f"{name} {ns / SECOND:.2f}" for name, ns in self._phases)
        return f"ready {self._since(self._last_ns)} after its start: {parts}; {_load()}"

    def armed(self, recorders: Iterable[Recorder]) -> str:
        """The second line, once every track has been armed; "" before and after."""
        if self._armed is None:
            return ""
        now_ns, late = self._clock_ns(), []
        for each in recorders:
            if each.phase in (Phase.ARMED, Phase.RECORDING, Phase.FINISHING):
                self._armed.setdefault(each.track, now_ns)
            elif each.track not in self._armed:
                late.append(each.track)
        if not self._armed and not late:
            return ""  # no device has been found yet
        if late and now_ns - self._began_ns < PATIENCE_NS:
            return ""
        parts = [f"{name} {self._since(ns)}" for name, ns in self._armed.items()]
        parts += [f"{name} not yet" for name in late]
        self._armed = None
        return f"armed after its start: {', '.join(parts)}; {_load()}"

    def _since(self, ns: int) -> str:
        return f"{(ns - self._began_ns) / SECOND:.2f} s"


def _load() -> str:
    return f"own processor time {time.process_time():.2f} s, load {os.getloadavg()[0]:.1f}"


def tell(line: str) -> None:
    if line:
        print(line, file=sys.stderr)
