"""`edge-agent doctor`: look at everything, and say how to mend what is wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import config, room

_MARKS = {"ok": "✓", "note": "!", "wrong": "✗"}


def doctor(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CHECK]…", help="Only these checks.", autocompletion=completing.checks
        ),
    ] = None,
    list_: bool = typer.Option(False, "--list", help="Which checks there are."),
    as_json: AsJson = False,
) -> None:
    """Check clock, disk, devices, encoders, destinations and units; say how to mend each."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.checks import CHECKS, Ground, State, ask, run

    with reporting("doctor", as_json) as report:
        wanted = names or list(CHECKS)
        unknown = [name for name in wanted if name not in CHECKS]
        if unknown:
            raise Failure(
                Exit.USAGE,
                "no-such-check",
                f"there is no check {unknown[0]!r}",
                f"choose from: {', '.join(CHECKS)}",
            )
        if list_:
            about = {name: (CHECKS[name].__doc__ or "").strip() for name in wanted}
            report.data = [{"check": name, "about": text} for name, text in about.items()]
            report.say(*(f"{name:<13} {text}" for name, text in about.items()))
            return
        here = room(context)
        ground = Ground(here, config(context), SystemClock(), here.status(), ask)
        report.data = []
        for name in wanted:
            for found in run(CHECKS[name], ground):
                report.data.append(
                    {
                        "check": name,
                        "state": str(found.state),
                        "message": found.what,
                        "fix": found.fix,
                    }
                )
                report.say(f"{_MARKS[found.state]} {name:<13} {found.what}")
                if found.fix:
                    report.say(f"{'':<15} next: {found.fix}")
                if found.state is State.WRONG:
                    report.exit = Exit.FINDINGS
