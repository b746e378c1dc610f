"""A progress bar on stderr when it is a terminal; elsewhere a line at each new tenth."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_agent.commands.output import Report


@contextmanager
def bar(title: str, total: float, report: Report) -> Iterator[Callable[[float], None]]:
    """Gives a function to be called with how much of `total` is done."""
    if report.as_json:
        yield lambda done: None
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=min(done, total))
    else:
        yield _tenths(title, total, report)


def _tenths(title: str, total: float, report: Report) -> Callable[[float], None]:
    said = -1

    def advance(done: float) -> None:
        nonlocal said
        tenth = int(10 * min(done, total) / total)
        if tenth > said:
            said = tenth
            report.note(f"{title} {tenth * 10} %")

    return advance
