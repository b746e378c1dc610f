"""What servers say may be anything: JSON, XML and whole numbers of it. Pure; raises nothing.

The one that answers may not be the server at all, but a guest network's page.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

#: Of a number of bytes; a thousand thousand terabytes have one more.
_MOST_DIGITS = 18


def document(data: str | bytes) -> Any:
    """JSON; None where it is none, or so deep that nobody can take it apart.

    Half a letter (a lone surrogate), which can neither be stored nor shown, is "?" from here on.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")
    try:
        found = json.loads(text)
        if "\\ud" in text.lower():
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found


def tree(data: str | bytes) -> ElementTree.Element | None:
    """XML; None where it is none, or in letters that the parser does not know (GB2312, Big5)."""
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def count(text: str) -> int | None:
    """A whole number, zero or more; None for anything else."""
    whole = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if whole else None
