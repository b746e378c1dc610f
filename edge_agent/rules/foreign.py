"""What others have sent, of which nothing is certain. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from unicodedata import category

#: Control characters, ends of lines and paragraphs, halves of letters.
_NO_LETTERS = frozenset({"Cc", "Zl", "Zp", "Cs"})
#: They turn the direction of all that follows them.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NONE: Mapping[str, Any] = MappingProxyType({})


def table(value: object) -> Mapping[str, Any]:
    """The value itself if it is a table, else an empty one."""
    return value if isinstance(value, Mapping) else _NONE


def read_json(data: str | bytes) -> Any:
    """JSON in UTF-8. Half a letter (a lone surrogate), which can neither be stored nor sent, is
    "?" from here on. Raises ValueError, RecursionError."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    found = json.loads(text)
    if "\\ud" not in text.lower():
        return found
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))


def line(text: str) -> str:
    """What can stand in one line, on a page and in a terminal, which obeys control characters.

    Signs without a width stay: Khmer, Persian and emoji are written with them.
    """
    return " ".join("".join(map(_shown, text)).split())


def _shown(sign: str) -> str:
    if sign in _TURNING:
        return ""
    return " " if category(sign) in _NO_LETTERS else sign


def number(value: object) -> float | None:
    """A number that can be reckoned with and told in JSON; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:  # JSON's numbers may have thousands of digits
        return None
    return found if math.isfinite(found) else None
