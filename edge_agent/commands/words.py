"""Numbers and times as people read them. Pure, but for the time zone of this computer."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

_DURATION = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?")
#: Longer than anything here; the calendar ends in the year 9999.
_LONGEST = timedelta(days=36_500)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: float) -> str:
    """Bytes in IEC units: 1536 is "1.5 KiB"."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} B" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def clock(seconds: float | None) -> str:
    """A duration as 00:42:17; a dash when it is not known."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def local(utc_text: str | None) -> str:
    """An RFC 3339 time in this computer's zone, with the zone; a dash for none."""
    if not utc_text:
        return "–"
    return datetime.fromisoformat(utc_text).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def level(dbfs: float | None) -> str:
    if dbfs is None:
        return "no level"
    return "digital silence" if dbfs <= -120 else f"{dbfs:.0f} dBFS"


def loudness(sound: Mapping[str, Any]) -> str:
    """How loud it is to the ear, and whether somebody speaks: -23 LUFS, voice, speech 74%."""
    words = [f"{sound['short_term']:.0f} LUFS"] if sound["short_term"] > -70 else []
    words.append("voice" if sound["speaking"] else "no voice")
    if sound["heard_s"] >= 60:
        words.append(f"speech {sound['speech_s'] / sound['heard_s']:.0%}")
    return ", ".join(words)


def until(text: str, now: datetime) -> datetime:
    """The next time the clock shows HH:MM; raises ValueError if that is no time."""
    hour, minute = text.split(":")
    moment = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)


def duration(text: str) -> timedelta:
    """A length of time such as 2h, 90m or 1d12h; raises ValueError if it is none.

    It can be added to the time of now, and taken from it.
    """
    match = _DURATION.fullmatch(text)
    try:
        numbers = {k: int(v) for k, v in match.groupdict("0").items()} if match else {}
        length = timedelta(**numbers)
    except OverflowError:
        length = timedelta.max
    if not timedelta(0) < length <= _LONGEST:
        raise ValueError(f"{text!r} is no length of time")
    return length


def expected(at: datetime, now: datetime) -> str:
    """When something will be there, as exactly as it can be meant: minutes, an hour, a day."""
    ahead = at - now
    if ahead < timedelta(minutes=50):
        minutes = max(1, math.ceil(ahead / timedelta(minutes=1)))
        about = minutes if minutes < 10 else math.ceil(minutes / 5) * 5
        return "in a minute" if about == 1 else f"in about {about} minutes"
    if ahead < timedelta(hours=12):
        rounded = _rounded_up(at, 5 if ahead < timedelta(hours=3) else 10)
        if rounded.date() != now.date():
            return f"tomorrow about {rounded:%H:%M}"
        return f"{'tonight ' if rounded.hour >= 20 else ''}about {rounded:%H:%M}"
    part = next(part for end, part in _PARTS if at.hour < end)
    days = (at.date() - now.date()).days
    day = ("today", "tomorrow")[days] if days < 2 else f"{at:%A}"
    return f"{day} {part}" if days < 7 else f"on {at.day} {at:%B}"


_PARTS = (
    (6, "early in the morning"),
    (12, "in the morning"),
    (18, "in the afternoon"),
    (24, "in the evening"),
)


def _rounded_up(at: datetime, minutes: int) -> datetime:
    """Rather too late than too early."""
    past = (at.minute % minutes) * 60 + at.second
    return (at + timedelta(seconds=-past % (minutes * 60))).replace(second=0, microsecond=0)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Aligned columns; wide letters (Chinese, for example) count for two."""
    lines = [head, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(
            cell + " " * (w - _width(cell)) for cell, w in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def _width(text: str) -> int:
    marks = ("Mn", "Me", "Cf")
    return sum(
        0
        if unicodedata.category(c) in marks
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )
