"""Measured seconds in a table's words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable


def spread(values: Iterable[float]) -> str:
    """Median, 95th percentile and maximum of some seconds."""
    ordered = sorted(values)
    if not ordered:
        return "nothing measured"
    late = ordered[math.ceil(0.95 * len(ordered)) - 1]
    middle = statistics.median(ordered)
    return f"median {middle:.2f} s, p95 {late:.2f} s, max {ordered[-1]:.2f} s (n={len(ordered)})"
