"""Times as text in rows and files that other programs, other versions or people may have written.

"Never" is the year 9999 to many. A quarter of an hour after its last one there is no time at all,
so nothing can be added to it, and half the world cannot even show it as local time. Pure.
"""

from __future__ import annotations

from datetime import datetime

#: What stands for a time that nobody knows, where there must be one.
UNKNOWN = "1970-01-01T00:00:00.000Z"
#: Years in which clocks may be, and to which days and time zones can be added.
_YEARS = range(1900, 9000)


def moment(text: object) -> datetime | None:
    """The time that is meant; None where that is none, has no zone, or cannot be reckoned with."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None or found.tzinfo is None or found.year not in _YEARS:
        return None
    return found
