"""What the scenarios found, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(slots=True)
class Row:
    """One line of the table. `lost_s` has a figure per track and fault, `recovery_s` per fault."""

    scenario: str
    runs: int = 0
    lost_s: list[float] = field(default_factory=list)
    lectures_lost: int = 0
    duplicates: int = 0
    recovery_s: list[float] = field(default_factory=list)
    #: What broke a promise, in words.
    problems: list[str] = field(default_factory=list)
    #: Facts beside the figures.
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.runs > 0 and not (self.problems or self.lectures_lost or self.duplicates)

    def expect(self, true: object, problem: str) -> None:
        """A promise: when it does not hold, the scenario has failed, and goes on."""
        if not true:
            self.problems.append(problem)

    def cells(self) -> list[str]:
        return [
            self.scenario,
            str(self.runs),
            _median_and_most(self.lost_s),
            str(self.lectures_lost),
            str(self.duplicates),
            _median_and_most(self.recovery_s),
            "good" if self.good else "BAD",
        ]


HEAD = [
    "scenario",
    "runs",
    "seconds lost, median / max",
    "lectures lost",
    "duplicates",
    "recovery s, median / max",
    "verdict",
]


def table(rows: Sequence[Row]) -> str:
    """As Markdown, aligned so that it reads well as it is."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    texts = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    words = [f"{row.scenario}: {note}" for row in rows for note in row.notes]
    faults = [f"{row.scenario}: BROKEN: {problem}" for row in rows for problem in row.problems]
    return "\n".join([texts[0], rule, *texts[1:], "", *words, *faults])


def write_json(rows: Sequence[Row], path: Path) -> None:
    records = [{**asdict(row), "good": row.good} for row in rows]
    path.write_text(json.dumps(records, indent=1) + "\n")


def _median_and_most(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} / {max(seconds):.2f}" if seconds else "–"
