"""How much can still be recorded. Pure.

A lecture needs its room twice for a while: its package is built beside its segments.
"""

from __future__ import annotations

from collections.abc import Iterable

MIB = 1 << 20
#: Below this a recording ends cleanly, before the disk is full at whatever byte it is.
LEAST_TO_RECORD = 32 * MIB
#: A recording that the full disk has ended goes on from here.
ENOUGH_TO_GO_ON = 64 * MIB
#: What people are told then.
FULL = "the disk is full: nothing can be recorded until there is space again"
#: What a video track without a limit is taken to need; slides need a tenth of it.
VIDEO_KBPS = 4000
WARN_BELOW_HOURS = 1.0


def hours_left(free_bytes: int, kbps: Iterable[int]) -> float:
    """How long tracks of these bit rates can be recorded, package included."""
    bytes_per_hour = sum(kbps) * 125 * 3600 * 2
    usable = max(0, free_bytes - LEAST_TO_RECORD)
    return usable / bytes_per_hour if bytes_per_hour else float("inf")


def warning(free_bytes: int, kbps: Iterable[int], planned_hours: float | None) -> str:
    """What to tell people before a lecture begins; empty when there is plenty of space."""
    hours = hours_left(free_bytes, kbps)
    wanted = max(WARN_BELOW_HOURS, planned_hours or 0.0)
    if hours >= wanted:
        return ""
    text = f"the disk has room for about {hours * 60:.0f} minutes"
    if planned_hours is not None:
        text += f" of a lecture of {planned_hours * 60:.0f}"
    return text + "; free some space, or see what waits: edge-agent upload status"


def room_to_record(free_bytes: int, was_full: bool) -> bool:
    """`was_full`: the full disk has ended a track of this lecture already."""
    return free_bytes >= (ENOUGH_TO_GO_ON if was_full else LEAST_TO_RECORD)
