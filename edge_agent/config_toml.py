"""A configuration as TOML text, from plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from edge_agent.places import KeyPath


def to_toml(values: Mapping[str, Any], at: KeyPath = ()) -> str:
    """The TOML text of plain values, as `model_dump(mode="json", exclude_none=True)` gives."""
    lines = [
        f"{_toml_key(key)} = {_toml(value)}"
        for key, value in values.items()
        if not isinstance(value, Mapping)
    ]
    tables = [(key, v) for key, v in values.items() if isinstance(v, Mapping) and v]
    head = [f"[{'.'.join(at)}]"] if at and lines else []
    blocks = ["\n".join([*head, *lines])] if lines else []
    blocks += [to_toml(value, (*at, _toml_key(key))).rstrip("\n") for key, value in tables]
    return "\n\n".join(blocks) + "\n"


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.1f}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
