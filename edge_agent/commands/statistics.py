"""`edge-agent lectures statistics`: what this room did month by month, for reports and sheets."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import room
from edge_agent.commands.words import size, table

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger
    from edge_agent.rows import Lecture
    from edge_agent.rules.statistics import Held, Month

_NS = 1_000_000_000
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
#: Columns of the sheet, in this order for ever; new ones come at the end.
COLUMNS = (
    *("room", "month", "lectures", "hours", "failed", "delivered", "delivered_bytes"),
    *("gaps", "gap_hours", "languages"),
)


def statistics(
    context: typer.Context,
    month: Annotated[str, typer.Option(help="Only this month, YYYY-MM.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="A sheet, one line a month.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lectures, hours, languages, gaps and bytes delivered, month by month."""
    with reporting("lectures.statistics", as_json) as report:
        from edge_agent.rules.statistics import months

        if month and not _MONTH.fullmatch(month):
            raise Failure(Exit.USAGE, "bad-month", f"no month {month!r}", "write it as 2026-11")
        here = room(context)
        with here.ledger() as ledger:
            held = [_held(ledger, lecture) for lecture in ledger.lectures()]
        found = [each for each in months(held) if month in ("", each.month)]
        report.data = {"room": here.name, "months": [_facts(each) for each in found]}
        _say(report, here.name, found, as_csv)


def _held(ledger: Ledger, lecture: Lecture) -> Held:
    from edge_agent.rules.statistics import Held

    lost = [gap for gap in ledger.gaps(lecture.id) if gap.track is not None]
    end_ns = lecture.end_ns or 0
    return Held(
        started_utc=lecture.started_utc,
        state=lecture.state,
        duration_s=lecture.duration_s or 0.0,
        language=lecture.language,
        gaps=len(lost),
        gap_s=sum(max(0, (gap.end_ns or end_ns) - gap.start_ns) for gap in lost) / _NS,
        delivered_bytes=sum(row.bytes for row in ledger.outbox(lecture.id) if row.delivered_utc),
    )


def _facts(it: Month) -> dict[str, Any]:
    return asdict(it) | {"hours": round(it.hours, 3), "gap_hours": round(it.gap_hours, 3)}


def _languages(it: Month) -> str:
    return " ".join(f"{tag or 'unknown'}:{count}" for tag, count in it.languages.items())


def _say(report: Report, name: str, found: list[Month], as_csv: bool) -> None:
    if as_csv:
        sheet = io.StringIO()
        lines = csv.DictWriter(sheet, COLUMNS, lineterminator="\n")
        lines.writeheader()
        lines.writerows(
            _facts(each) | {"room": name, "languages": _languages(each)} for each in found
        )
        report.say(*sheet.getvalue().splitlines())
        return
    if not found:
        report.say("nothing was recorded then")
        return
    head = ("MONTH", "LECTURES", "HOURS", "FAILED", "DELIVERED", "BYTES", "GAPS", "LANGUAGES")
    rows = [
        (
            *(it.month, str(it.lectures), f"{it.hours:.1f}", str(it.failed), str(it.delivered)),
            *(size(it.delivered_bytes), str(it.gaps), _languages(it)),
        )
        for it in found
    ]
    report.say(*table(head, rows))
