"""`edge-agent doctor`: look at everything, and say how to mend what is wrong, or mend it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import config, room

if TYPE_CHECKING:
    from edge_agent.commands.finding import Finding, Ground
    from edge_agent.commands.mending import Run

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
    fix: bool = typer.Option(False, "--fix", help="Mend what can be mended without harm."),
    dry_run: bool = typer.Option(False, "--dry-run", help="With --fix: only say what it would do."),
    as_json: AsJson = False,
) -> None:
    """Check clock, disk, devices, encoders, destinations and units; say how to mend each."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.checks import CHECKS
    from edge_agent.commands.finding import Ground, ask
    from edge_agent.commands.mending import perform

    with reporting("doctor", as_json) as report:
        wanted = list(dict.fromkeys(names or CHECKS))
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
        examine(ground, wanted, report, perform if fix and not dry_run else None, tell_mends=fix)


def examine(
    ground: Ground,
    names: Iterable[str],
    report: Report,
    mender: Run | None = None,
    tell_mends: bool = False,
) -> None:
    """Run these checks and tell what they found; with a mender, mend it and look again."""
    from edge_agent.commands.checks import CHECKS, run

    report.data = []
    for name in names:
        found = run(CHECKS[name], ground)
        if tell_mends and _mended(name, found, report, mender):
            found = run(CHECKS[name], ground)
        for each in found:
            _tell(name, each, report)


def _mended(name: str, found: Iterable[Finding], report: Report, mender: Run | None) -> bool:
    """Mend what these findings name, or only say how; True when something was done."""
    from edge_agent.commands.finding import Finding
    from edge_agent.commands.mending import mend

    tried = False
    for each in found:
        if each.mend is None:
            continue
        if mender is None:
            report.say(f"  {name:<13} would do: {each.mend.words}")
            continue
        fault = mend(each.mend, mender)
        tried = tried or not fault
        if fault:
            report.warn(f"{name}: not mended: {fault}")
        else:
            report.say(f"  {name:<13} done: {each.mend.words}")
            report.data.append(_row(name, Finding(f"done: {each.mend.words}", mend=each.mend)))
    return tried


def _row(name: str, found: Finding) -> dict[str, str]:
    return {
        "check": name,
        "state": str(found.state),
        "message": found.what,
        "fix": found.fix,
        "mend": found.mend.words if found.mend else "",
    }


def _tell(name: str, found: Finding, report: Report) -> None:
    from edge_agent.commands.finding import State

    report.data.append(_row(name, found))
    report.say(f"{_MARKS[found.state]} {name:<13} {found.what}")
    if found.fix:
        report.say(f"{'':<15} next: {found.fix}")
    if found.state is State.WRONG:
        report.exit = Exit.FINDINGS
