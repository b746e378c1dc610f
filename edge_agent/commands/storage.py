"""`edge-agent storage …`: is what the ledger says true of the disk?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from edge_agent.commands.output import AsJson, Exit, reporting
from edge_agent.commands.room import room, say_if_down

app = typer.Typer(help="The disk that lectures are kept on.", no_args_is_help=True)


@app.command()
def check(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Compare sizes, not every byte.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger and disk, read-only. Exit code 3 when they disagree."""
    from edge_agent.storage_check import findings, gather

    with reporting("storage.check", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        status = here.status()
        recording = None
        if status is not None:
            tracks = status["tracks"].items()
            recording = frozenset(name for name, it in tracks if it["phase"] == "recording")
        with here.ledger() as ledger:
            facts = gather(here.spool, ledger, recording, hashes=not fast)
        found = findings(facts)
        report.data = {
            "lectures": len(facts.lectures),
            "segments": sum(len(each.segments) for each in facts.lectures),
            "findings": [asdict(each) for each in found],
        }
        for each in found:
            report.say(f"{each.invariant}  {each.where}: {each.what}", f"    next: {each.hint}")
        if found:
            report.exit = Exit.FINDINGS
        else:
            how = "sizes" if fast else "every byte"
            report.say(f"{len(facts.lectures)} lectures, {how} compared: all is well")
