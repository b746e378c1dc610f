"""How much of a file one request carries. Pure.

A request that is cut is lost whole until the server has shown that it keeps parts. Then the best
duration of one is sqrt(2 x overhead x mean time between cuts): longer loses more to cuts, shorter
more to overhead. A server is got to know with small requests; each one that arrives allows one of
twice the size, up to that optimum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LEAST, FIRST, MOST = 16 << 10, 256 << 10, 1 << 30
#: Until cuts have been seen, one every ten minutes is assumed; what was seen counts beside it.
ASSUMED_S = 600.0
#: A request to a server that keeps parts: overhead is below one per cent of it even over satellite.
KEPT_S = 120.0
#: Weight of the newest of several measurements.
_NEWEST = 0.3


@dataclass(frozen=True, slots=True)
class Sizing:
    """What has been learned of one server and the way to it."""

    size: int = FIRST
    #: Half of what was refused as too large: the limit itself is not worth looking for.
    ceiling: int = MOST
    rate: float = 0.0  # bytes per second
    overhead: float = 0.3  # seconds that a request costs besides its bytes
    sending_s: float = 0.0
    cuts: int = 0
    #: Part of a request that was cut had arrived and was kept.
    keeps: bool = False

    @property
    def optimum_s(self) -> float:
        """The best duration of one request, seconds."""
        if self.keeps:
            return KEPT_S
        between = (ASSUMED_S + self.sending_s) / (1 + self.cuts)
        return math.sqrt(2 * self.overhead * between)

    def asked(self, seconds: float) -> Sizing:
        """A request without a body took this long."""
        return replace(self, overhead=_mix(self.overhead, max(seconds, 0.001)))

    def arrived(self, count: int, seconds: float) -> Sizing:
        """A request with `count` bytes was answered well."""
        rate = count / max(seconds, 0.001)
        rate = _mix(self.rate, rate) if self.rate else rate
        known = replace(self, rate=rate, sending_s=self.sending_s + seconds)
        best = int(rate * known.optimum_s)
        # Of a short rest nothing is learned, and what is best may also be less than before.
        wanted = min(max(self.size, min(2 * count, 2 * self.size)), best)
        return replace(known, size=self._allowed(wanted))

    def refused(self, count: int) -> Sizing:
        """The server, or a proxy before it, takes no request of `count` bytes."""
        smaller = replace(self, ceiling=min(self.ceiling, count // 2))
        return replace(smaller, size=smaller._allowed(count // 2))

    def cut(self, kept: int, seconds: float) -> Sizing:
        """A request ended without its answer, and `kept` bytes of it had arrived."""
        known = replace(self, cuts=self.cuts + 1, sending_s=self.sending_s + seconds)
        if kept > 0:
            return replace(known, keeps=True)
        return replace(known, size=self._allowed(self.size // 2))

    def _allowed(self, size: int) -> int:
        return max(LEAST, min(size, self.ceiling))


def _mix(old: float, new: float) -> float:
    return old + _NEWEST * (new - old)
