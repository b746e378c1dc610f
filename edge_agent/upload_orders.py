"""What people have ordered of the upload, as it holds at this moment. Pure.

The sequence decides: a pause also stops what was asked for before it, and what is asked for after
it goes all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from edge_agent.clock import Now
from edge_agent.rows import UploadOrder
from uploader.limits import Limit
from uploader.policy import PAUSE, Order

#: `now`, `retry`: a lecture ("": all). `timetable` ends `limit`.
Verb = Literal["pause", "resume", "now", "retry", "limit", "timetable"]


@dataclass(frozen=True, slots=True)
class Control:
    """`newest`: the id of the last order that is part of it."""

    newest: int = 0
    pause: Order | None = None
    limit: Order | None = None
    #: These lectures go whatever else holds.
    asked: frozenset[str] = frozenset()
    #: Of these ("": of all) refusals and back-off are forgotten, once for each id.
    again: tuple[tuple[int, str], ...] = ()


def control(orders: Iterable[UploadOrder], now: Now) -> Control:
    """What holds, of orders in their sequence."""
    newest, pause, limit = 0, None, None
    asked: set[str] = set()
    again = []
    for order in orders:
        newest = order.id
        match order.verb:
            case "pause":
                pause = order
                asked.clear()
            case "resume":
                pause = None
            case "limit":
                limit = order
            case "timetable":
                limit = None
            case "now":
                asked.add(order.lecture)
                again.append((order.id, order.lecture))
            case "retry":
                again.append((order.id, order.lecture))
    return Control(
        newest,
        _holding(pause, PAUSE, now),
        _holding(limit, Limit(limit.rate) if limit else PAUSE, now),
        frozenset(asked),
        tuple(again),
    )


def _holding(order: UploadOrder | None, limit: Limit, now: Now) -> Order | None:
    """In the boot in which it was given its end is exact, whatever the clock says meanwhile."""
    if order is None:
        return None
    if order.until_ns is None or order.until_utc is None:
        return Order(limit)
    if order.boot == now.boot:
        left_ns = order.until_ns - now.mono_ns
        until = now.utc + timedelta(microseconds=left_ns / 1000)
        return Order(limit, until.astimezone()) if left_ns > 0 else None
    until = datetime.fromisoformat(order.until_utc)
    over = now.trust != "unset" and until <= now.utc
    return None if over else Order(limit, until.astimezone())
