"""`edge-agent upload test`: what a destination really keeps of what it promises."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import config, room

if TYPE_CHECKING:
    from edge_agent.config_destinations import DestinationConfig
    from edge_agent.secrets import Secrets

MARKS = {"kept": "✓", "broken": "✗", "absent": "–", "unknown": "?"}


def try_out(
    context: typer.Context,
    destination: Annotated[
        str,
        typer.Argument(
            help="Its name in the configuration; all of them without.",
            autocompletion=completing.destinations,
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Try a destination out with a small file: way, rights, promises, receipts."""
    from edge_agent.secrets import Secrets

    with reporting("upload.test", as_json) as report:
        every = config(context).destinations
        if destination and destination not in every:
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-destination",
                f"the configuration has no destination {destination!r}",
                f"it has: {', '.join(every) or 'none'}",
            )
        secrets = Secrets.of(os.environ, room(context).written.main.parent)
        report.data = []
        for name in [destination] if destination else every:
            try_one(name, every[name], secrets, report)
        if not every:
            report.say("no destinations are configured: lectures stay on this computer")


def try_one(name: str, place: DestinationConfig, secrets: Secrets, report: Report) -> None:
    """Try one destination, and add what was found to the report."""
    from edge_agent.clock import SystemClock
    from edge_agent.trial import trial
    from uploader.probe import Verdict, meaning

    report.say(f"{name} ({place.type})")
    found = trial(place, secrets, SystemClock())
    for each in found:
        report.say(f"  {MARKS[each.verdict]} {each.promise:<12} {each.words}")
        if each.verdict is Verdict.BROKEN:
            report.exit = Exit.FINDINGS
    words = meaning(place.type, found)
    report.say(f"  {words}")
    findings = [{"promise": f.promise, "verdict": str(f.verdict), "words": f.words} for f in found]
    report.data.append({"destination": name, "findings": findings, "meaning": words})
