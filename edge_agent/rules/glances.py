"""When to look at a camera's own H.264 while it is recorded: decoding costs more than that. Pure.

Somebody may be watching, or something may be wrong with the picture. What could be shows in the
sizes of the coded pictures before anything is decoded: a camera that is covered, or in the dark,
gives smaller key frames, and one whose picture has frozen gives next to nothing between them. Only
a camera that spends the same bytes on everything is found out at the slow pace alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

SECOND = 1_000_000_000

#: How often while somebody watches or something may be wrong, and else: at 30 s decoding for nobody
#: cost a sixth of all that the recorder does.
OFTEN_NS, SELDOM_NS = 4 * SECOND, 60 * SECOND
#: For so long it is looked at often: a covered camera is told of after 15 s.
ALERT_NS = 20 * SECOND
#: Of the bytes of the smallest key frame that was looked at and in order.
LESS = 0.7
#: Of the bytes of a key frame: less than noise alone takes.
NOTHING = 0.01


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a key frame, and of the mean picture between it and the one before."""

    key: int
    other: float | None


@dataclass(frozen=True, slots=True)
class Glances:
    """What is remembered. Times are monotonic nanoseconds."""

    looked_ns: int | None = None
    #: Until then something may be wrong.
    alert_ns: int = 0
    #: Bytes of the latest key frame, and of the smallest one that was in order; 0 before there was.
    key: int = 0
    fine_key: int = 0


def noticed(it: Glances, now_ns: int, sizes: Sizes) -> Glances:
    """After a key frame has come, before it is known whether it will be looked at."""
    frozen = sizes.other is not None and sizes.other < NOTHING * sizes.key
    odd = frozen or sizes.key < LESS * it.fine_key
    return replace(it, key=sizes.key, alert_ns=now_ns + ALERT_NS if odd else it.alert_ns)


def due(it: Glances, now_ns: int, watched: Callable[[], bool]) -> bool:
    """Whether to look at this key frame. `watched` is asked only if it decides."""
    if it.looked_ns is None:
        return True
    passed_ns = now_ns - it.looked_ns
    if passed_ns < OFTEN_NS * 9 // 10:  # or the key frame of every second would be early by a hair
        return False
    return passed_ns >= SELDOM_NS or now_ns < it.alert_ns or watched()


def looked(it: Glances, now_ns: int, doubtful: bool) -> Glances:
    """After a look. `doubtful`: the picture was dark, or the same as before."""
    if doubtful:
        return replace(it, looked_ns=now_ns, alert_ns=now_ns + ALERT_NS)
    return replace(it, looked_ns=now_ns, fine_key=min(it.key, it.fine_key or it.key))
