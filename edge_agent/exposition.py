"""Prometheus's text format, as far as a room needs it: gauges and counters with labels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One name with all its samples; base units, and `_total` at the end of counters."""

    name: str
    help: str
    kind: Literal["gauge", "counter"] = "gauge"
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)


def text(metrics: Iterable[Metric]) -> str:
    """Without time stamps, as node_exporter wants it; a metric without samples is left out."""
    return "".join(_block(metric) for metric in metrics if metric.samples)


def _block(metric: Metric) -> str:
    lines = [
        f"# HELP {metric.name} {_escaped(metric.help)}",
        f"# TYPE {metric.name} {metric.kind}",
        *(
            f"{metric.name}{_labels(labels)} {value:g}"
            if _short(value)
            else f"{metric.name}{_labels(labels)} {value!r}"
            for labels, value in metric.samples
        ),
    ]
    return "\n".join(lines) + "\n"


def _short(value: float) -> bool:
    """Six figures are enough to say it exactly."""
    return float(f"{value:g}") == value


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value, quoted=True)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str, quoted: bool = False) -> str:
    found = value.replace("\\", "\\\\").replace("\n", "\\n")
    return found.replace('"', '\\"') if quoted else found
