"""How a row of the ledger becomes a record.

What stands in a row may be of another version, of another program, or of people who have mended
something by hand. A time `*_utc` that nobody can reckon with is not known from here on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields
from typing import Any, Self

from edge_agent.rules.foreign import read_json
from edge_agent.rules.moments import UNKNOWN, moment


@dataclass(frozen=True, slots=True)
class Row:
    """A record with the names of its columns."""

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        return cls(**{it.name: _known(it, row[it.name]) for it in fields(cls)})

    def columns(self) -> dict[str, Any]:
        return asdict(self)


def _known(column: Field[Any], value: Any) -> Any:
    """A value as it stands in the row; of a time only what is one."""
    if not value or not column.name.endswith("utc") or moment(value) is not None:
        return value
    return None if "None" in str(column.type) else UNKNOWN


def json_object(value: Any) -> Mapping[str, Any]:
    """A JSON object as stored (text) or as given (mapping). Raises ValueError, RecursionError."""
    loaded = read_json(value) if isinstance(value, str) else value
    return loaded if isinstance(loaded, Mapping) else {}


def arguments(value: Any) -> Mapping[str, Any]:
    """Of a command, which any program may have posted: what cannot be read are none."""
    try:
        return json_object(value)
    except (ValueError, RecursionError):
        return {}
