"""Second thoughts: `record extend|continue`, `lectures edit|withhold|publish`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.asking import ask
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import find_lecture, room
from edge_agent.commands.words import local

_ID = typer.Argument(
    metavar="ID",
    help='An id, its unique beginning or end, or "last".',
    autocompletion=completing.lectures,
)


def extend(
    context: typer.Context,
    minutes: Annotated[int, typer.Argument(help="How much later, 1 to 240.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Move the planned end of the lecture under way later."""
    with reporting("record.extend", as_json) as report:
        report.data = ask(room(context), "extend", {"minutes": minutes})
        report.say(f"It ends at {local(report.data['until_utc'])}")


def go_on(
    context: typer.Context,
    lecture_id: Annotated[
        str, typer.Argument(metavar="ID", help="Which one.", autocompletion=completing.lectures)
    ] = "last",
    as_json: AsJson = False,
) -> None:
    """Take a stop back, while nothing of it may have been sent: the same lecture goes on."""
    with reporting("record.continue", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id).id
        report.data = ask(here, "continue", {"lecture": lecture})
        report.say(f"Recording {lecture} again")


def edit(
    context: typer.Context,
    lecture_id: str = _ID,
    title: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    course: Annotated[str | None, typer.Option(help="The course it belongs to.")] = None,
    lecturer: Annotated[str | None, typer.Option(help="Who speaks.")] = None,
    language: Annotated[str | None, typer.Option(help="A tag: en, km, pt-BR.")] = None,
    licence: Annotated[str | None, typer.Option(help="By name or address.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what a lecture says about itself, also when it is packaged or sent already."""
    with reporting("lectures.edit", as_json) as report:
        wishes = {
            "title": title,
            "course": course,
            "lecturer": lecturer,
            "language": language,
            "licence": licence,
        }
        given: dict[str, Any] = {name: text for name, text in wishes.items() if text is not None}
        if not given:
            raise Failure(
                Exit.USAGE,
                "nothing-to-change",
                "nothing to change was given",
                'for example: edge-agent lectures edit last --title "Thermodynamics 2"',
            )
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id).id
        report.data = ask(here, "edit", {"lecture": lecture, **given})
        report.say(*(f"{name}: {text}" for name, text in given.items()))


def withhold(context: typer.Context, lecture_id: str = _ID, as_json: AsJson = False) -> None:
    """Keep a lecture on this computer: it is not sent until you say so."""
    with reporting("lectures.withhold", as_json) as report:
        lecture = _decide(context, "withhold", lecture_id)
        report.data = {"lecture": lecture, "withheld": True}
        report.say(f"{lecture} stays here; to send it: edge-agent lectures publish {lecture}")


def publish(context: typer.Context, lecture_id: str = _ID, as_json: AsJson = False) -> None:
    """Let a lecture that was withheld be sent after all."""
    with reporting("lectures.publish", as_json) as report:
        lecture = _decide(context, "publish", lecture_id)
        report.data = {"lecture": lecture, "withheld": False}
        report.say(f"{lecture} is sent like the others; see: edge-agent upload status")


def _decide(context: typer.Context, verb: str, lecture_id: str) -> str:
    here = room(context)
    with here.ledger() as ledger:
        lecture = find_lecture(ledger, lecture_id).id
    ask(here, verb, {"lecture": lecture})
    return lecture
