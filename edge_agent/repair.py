"""One step that makes ledger and spool agree: said by `storage check`, done by recovery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repair:
    """Where (relative to the spool), what is done, and the doing."""

    where: str
    what: str
    do: Callable[[], object]
