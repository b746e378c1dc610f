"""Whether an interrupted lecture goes on after a restart."""

from __future__ import annotations

from datetime import datetime, timedelta


def goes_on(
    now: datetime,
    until: datetime | None,
    last_write: datetime,
    patience: timedelta,
    clock_trusted: bool = True,
) -> bool:
    """True: record on in the same lecture. False: finish it with what there is.

    With a planned end the lecture goes on until then. Without one it goes on when the last write
    is recent. A last write in the future means that the clock was reset by the outage: recording
    too much can be mended, recording nothing cannot, so it goes on. The same holds for a planned
    end that an untrusted clock seems to have passed shortly after the last write.
    """
    recent = now - last_write < patience
    if until is None:
        return recent
    if now < until:
        return True
    return not clock_trusted and recent and last_write < until


def goes_on_in_this_boot(
    now_ns: int, last_ns: int, until_ns: int, planned: bool, patience: timedelta
) -> bool:
    """The same in one boot, in lecture time alone: whoever sets the clock cannot end a lecture."""
    if now_ns >= until_ns:
        return False
    return planned or now_ns - last_ns < patience.total_seconds() * 1e9


def utc_of(mono_ns: int, now_ns: int, now: datetime) -> datetime:
    """The UTC of a monotonic time of this boot, by the clock as it is set now."""
    return now - timedelta(microseconds=(now_ns - mono_ns) / 1000)


def rebased_ns(last_ns: int, last_write: datetime, now: datetime) -> int:
    """Lecture time now, for a lecture whose epoch lies in an earlier boot.

    The monotonic clock began anew, so the wall clock must say how long the machine was off. It is
    believed within a day; otherwise a second is assumed. Nothing depends on it being right: a
    stretch that no track has recorded is collapsed in the package.
    """
    off = now - last_write
    believable = timedelta(seconds=1) <= off <= timedelta(days=1)
    seconds = off.total_seconds() if believable else 1.0
    return last_ns + int(seconds * 1e9)
