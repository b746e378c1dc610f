"""What others have sent, of which nothing is certain. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, Any] = MappingProxyType({})


def table(value: object) -> Mapping[str, Any]:
    """The value itself if it is a table, else an empty one."""
    return value if isinstance(value, Mapping) else _NONE
