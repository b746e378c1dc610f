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
#: What a link has to let through of what is sent; below, another way of sending is advised.
WORTH = 0.85
#: Pieces of a file, for links on which no part gets through: below the one heads cost much, above
#: the other a part does as well.
LEAST_PIECE_KIB, MOST_PIECE_KIB = 64, 4096
#: A request that has to make way may end first when that takes so long at most; up to the second of
#: them when more of it would be lost than is left.
SOON_S, LATE_S = 10.0, 60.0
#: A file of which the rest takes longer than the first of them is compared before it goes on; that
#: is judged when it has been on its way for the second.
LONG_S, JUDGED_S = 300.0, 2.0
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
    def between_s(self) -> float:
        """Mean time between cuts, seconds."""
        return (ASSUMED_S + self.sending_s) / (1 + self.cuts)

    @property
    def optimum_s(self) -> float:
        """The best duration of one request, seconds."""
        return KEPT_S if self.keeps else math.sqrt(2 * self.overhead * self.between_s)

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


def share(rate: float, between_s: float, count: int) -> float:
    """What requests of `count` bytes use of a link, 0 to 1, when a cut loses the whole request.

    `rate`: bytes per second. Cuts come by chance, `between_s` apart on average: a request of t
    seconds gets through with e^(-t/between); all its tries take between x (e^(t/between) - 1).
    """
    cuts = count / max(rate, 1.0) / max(between_s, 1.0)
    return cuts / math.expm1(min(cuts, 500.0)) if cuts > 0 else 1.0


def advice(rate: float, between_s: float, count: int) -> str:
    """For people whose S3 store gets too few parts of `count` bytes; "" where it gets most."""
    used = share(rate, between_s, count)
    if used >= WORTH:
        return ""
    return (
        f"a part of {count / (1 << 20):.0f} MiB takes {count / max(rate, 1.0):.0f} s here, and the "
        f"connection holds {between_s:.0f} s or so: {1 - used:.0%} of the time is lost; set "
        f"pieces_kib = {piece_kib(rate, between_s)} for this destination if its platform joins "
        "pieces, or use one that speaks tus"
    )


def piece_kib(rate: float, between_s: float) -> int:
    """The best size of pieces of which a cut loses one, as people set it: a power of two, rounded
    down, and so small that a fortieth of the bytes is sent twice at most.
    """
    seconds = min(math.sqrt(2 * Sizing().overhead * between_s), between_s / 20)
    kib = max(LEAST_PIECE_KIB, min(rate * seconds / 1024, MOST_PIECE_KIB))
    return 1 << int(math.log2(kib))


def takes_long(sent: int, seconds: float, left: int) -> bool:
    """Whether `left` bytes take long on a link that carried `sent` in these seconds."""
    return seconds >= JUDGED_S and left * seconds > LONG_S * sent


def ends_first(sent: int, length: int, seconds: float) -> bool:
    """Whether a request that a cut would lose ends before something that is worth more.

    `sent` of its `length` bytes left in `seconds`. A cut costs that time once more, waiting costs
    what is left at this speed: the smaller one is chosen, and seconds are not counted.
    """
    if not sent:
        return False
    left_s = (length - sent) * seconds / sent
    return left_s <= max(SOON_S, min(seconds, LATE_S))


def _mix(old: float, new: float) -> float:
    return old + _NEWEST * (new - old)
