"""`edge-agent lectures captions …`: what was said, written down, for who reads along."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.asking import ask
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import find_lecture, room
from edge_agent.commands.words import clock, size, table

app = typer.Typer(help="Captions of a lecture: put to it, list, take away.", no_args_is_help=True)
_Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help='An id, its unique beginning or end, or "last".',
        autocompletion=completing.lectures,
    ),
]
_Language = Annotated[
    str, typer.Option("--language", help="The language they are in: fr, km, pt-BR.")
]


@app.command()
def add(
    context: typer.Context,
    lecture_id: _Id,
    file: Annotated[Path, typer.Argument(help="WebVTT or SubRip (.srt); - reads from stdin.")],
    language: _Language,
    as_json: AsJson = False,
) -> None:
    """Put captions to a lecture, in place of those in the same language; also when it was sent."""
    with reporting("lectures.captions.add", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id)
        tag, text = _judged(_read(file), language, lecture.duration_s)
        args = {"lecture": lecture.id, "language": tag, "text": text}
        report.data = ask(here, "captions-add", args)
        report.say(
            f"{report.data['captions']} captions in {tag}: they go wherever the lecture goes"
        )
        _say_where_not(report)


def _read(file: Path) -> bytes:
    from edge_agent.rules.webvtt import MOST_BYTES

    if str(file) == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Failure(
            Exit.NOT_FOUND,
            "no-such-file",
            f"{file}: {error.strerror}",
            "Name the file with captions.",
        ) from None
    except PermissionError:
        raise Failure(
            Exit.NOT_PERMITTED,
            "not-permitted",
            f"{file}: this user may not read it",
            f"let it come from yours: … captions add ID - --language … < {file}",
        ) from None


def _judged(data: bytes, language: str, lecture_s: float | None) -> tuple[str, str]:
    """Here already, so that bad ones are told without an agent; the agent looks once more."""
    from edge_agent.commands.subrip import as_webvtt
    from edge_agent.rules.webvtt import BadCaptions, checked, decoded, language_tag

    try:
        tag, text = language_tag(language), as_webvtt(decoded(data))
        return tag, checked(text, lecture_s).text
    except BadCaptions as error:
        raise Failure(Exit.USAGE, "bad-captions", error.reason, error.hint) from None


@app.command()
def remove(
    context: typer.Context, lecture_id: _Id, language: _Language, as_json: AsJson = False
) -> None:
    """Take the captions in one language away, by a new revision of the lecture."""
    with reporting("lectures.captions.remove", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id).id
        args = {"lecture": lecture, "language": language}
        report.data = ask(here, "captions-remove", args)
        report.say(f"the captions in {report.data['language']} are taken out of the lecture")
        _say_where_not(report)


def _say_where_not(report: Report) -> None:
    for destination in report.data["not_sent_to"]:
        report.warn(
            f"{destination} has taken the lecture already and hears of no change: do it there"
        )


@app.command("list")
def list_(context: typer.Context, lecture_id: _Id, as_json: AsJson = False) -> None:
    """The captions of a lecture, and whether they have arrived."""
    with reporting("lectures.captions.list", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id).id
            rows = ledger.outbox(lecture)
        folder, package = here.spool.captions(lecture), here.spool.package(lecture)
        names = sorted(
            {path.name for each in (folder, package) for path in each.glob("captions.*")}
        )
        found = [_facts(name, folder / name, package / name) for name in names]
        report.data = {"lecture": lecture, "captions": [it for it in found if it["language"]]}
        for it in report.data["captions"]:
            mine = [row for row in rows if row.name == it["name"]]
            it["delivered_to"] = sorted(row.destination for row in mine if row.receipt)
            it["waiting_for"] = sorted(row.destination for row in mine if not row.receipt)
        _say_list(report)


def _facts(name: str, stored: Path, packaged: Path) -> dict[str, Any]:
    from edge_agent.rules.webvtt import BadCaptions, checked, decoded, language_of

    path = stored if stored.exists() else packaged
    data = path.read_bytes()
    try:
        known = checked(decoded(data), None)
    except BadCaptions:
        known = None
    same = stored.exists() and packaged.exists() and packaged.read_bytes() == data
    return {
        "name": name,
        "language": language_of(name),
        "bytes": len(data),
        "captions": known.count if known else None,
        "end_s": known.end_s if known else None,
        "state": "packaged" if same else "changing",
    }


def _say_list(report: Report) -> None:
    if not report.data["captions"]:
        report.say("no captions")
        return
    rows = [
        (
            it["language"],
            "damaged" if it["captions"] is None else str(it["captions"]),
            clock(it["end_s"]),
            size(it["bytes"]),
            _where(it),
        )
        for it in report.data["captions"]
    ]
    report.say(*table(("LANGUAGE", "CAPTIONS", "UP TO", "SIZE", ""), rows))


def _where(it: dict[str, Any]) -> str:
    if it["state"] == "changing":
        return "soon in the package"
    told = {"delivered to": it["delivered_to"], "waiting for": it["waiting_for"]}
    return "; ".join(f"{how} {', '.join(names)}" for how, names in told.items() if names)
