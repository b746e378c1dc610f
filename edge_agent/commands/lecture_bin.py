"""`edge-agent lectures delete|restore`: into the bin, and out of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.asking import ask
from edge_agent.commands.output import AsJson, reporting
from edge_agent.commands.room import find_lecture, room
from edge_agent.commands.words import local


def delete(
    context: typer.Context,
    lectures: Annotated[
        list[str],
        typer.Argument(
            metavar="ID…",
            help='Ids, their unique beginnings or ends, or "last".',
            autocompletion=completing.lectures,
        ),
    ],
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Also what has not arrived everywhere.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what; do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put lectures into the bin; they can be restored until their files go."""
    with reporting("lectures.delete", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            found = [find_lecture(ledger, each) for each in lectures]
        report.data = {"dry_run": dry_run, "deleted": list[dict[str, Any]]()}
        for lecture in found:
            if dry_run:
                report.say(f"would delete {lecture.id}  {lecture.state}  {lecture.title}")
                continue
            args = {"lecture": lecture.id, "undelivered": undelivered}
            answer = ask(here, "delete", args)
            report.data["deleted"].append(answer)
            report.say(f"{lecture.id} is in the bin {_until(answer)}")
        if not dry_run:
            report.note("next:  to take one back: edge-agent lectures restore ID")


def _until(answer: dict[str, Any]) -> str:
    if answer["until_utc"]:
        return f"until {local(answer['until_utc'])}"
    return f"for {answer['days']} days from when the clock of this PC is set"


def restore(
    context: typer.Context,
    lecture_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Of: edge-agent lectures list --bin.",
            autocompletion=completing.binned,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Take a lecture out of the bin; it is again what it was."""
    with reporting("lectures.restore", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id)
        report.data = ask(here, "restore", {"lecture": lecture.id})
        report.say(f"{lecture.id} is {report.data['state']} again")
