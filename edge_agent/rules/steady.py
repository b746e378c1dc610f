"""A clock that jumps is not believed at once, unless the network has set it. Pure.

A clock that is an hour off for some minutes (a typing error, a restored image, a battery) would
begin and end lectures at the wrong time, and none begins twice. Between two looks the monotonic
clock says how much time has passed, with the time that the computer has slept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: More than clocks drift between two looks; also what counts as "set".
STEP = timedelta(seconds=30)
#: A clock that stays where it has jumped to is believed after this.
DOUBT_NS = 20 * 60 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Steady:
    """What the wall clock showed when the monotonic one showed zero, as far as that is believed."""

    zero: datetime | None = None
    #: Another one that is shown since some monotonic time.
    other: datetime | None = None
    since_ns: int = 0

    def at(self, mono_ns: int, utc: datetime) -> datetime:
        """The time to go by."""
        return utc if self.zero is None else self.zero + _span(mono_ns)


def seen(it: Steady, mono_ns: int, utc: datetime, trust: str) -> Steady:
    """After one more look at both clocks. "unset" teaches nothing, "synchronised" is believed."""
    if trust == "unset":
        return Steady()
    zero = utc - _span(mono_ns)
    if it.zero is None or trust == "synchronised" or abs(zero - it.zero) <= STEP:
        return Steady(zero)
    if it.other is None or abs(zero - it.other) > STEP:
        return Steady(it.zero, zero, mono_ns)
    if mono_ns - it.since_ns >= DOUBT_NS:
        return Steady(zero)
    return Steady(it.zero, zero, it.since_ns)


def _span(ns: int) -> timedelta:
    return timedelta(microseconds=ns / 1000)
