"""What others have sent, of which nothing is certain. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
