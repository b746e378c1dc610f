"""`edge-agent logs`: what the services say and what the room has noted, in the order of time.

The journal is systemd's; events stand in the ledger, also without systemd and after a reboot.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, find_lecture, room
from edge_agent.commands.words import duration, local

#: Without their endings; a line of systemd about one of them counts as well.
UNITS = (
    "edge-agent",
    "edge-agent-upload",
    "edge-agent-schedule",
    "edge-agent-panel",
    "edge-agent-light",
    "edge-agent-mqtt",
    "edge-agent-metrics",
    "edge-agent-alerts",
)
#: Looking again costs a start of journalctl.
FOLLOW_S = 2.0
MOST = 10_000
Ask = Callable[[list[str]], str | None]


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One thing that was said. `source`: a unit, "systemd" or "event"."""

    utc: str
    source: str
    text: str
    lecture: str | None = None
    track: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, as the wall clock had it; None: no end that way."""

    since: datetime | None = None
    until: datetime | None = None
    lecture: str | None = None


def logs(
    context: typer.Context,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, max=MOST, help="So many of the last.")
    ] = 100,
    since: Annotated[str, typer.Option(help="2h, 1d, 16:30 (of today) or 2026-11-22.")] = "",
    lecture: Annotated[
        str,
        typer.Option(help="Of the time of this lecture only.", autocompletion=completing.lectures),
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """What the services have said, with the events of the room."""
    from edge_agent.commands.finding import ask

    with reporting("logs", as_json) as report:
        here = room(context)
        span = _span(here, since, lecture)
        found = said(here, span, lines, ask, report)
        report.data = [asdict(line) for line in found]
        report.say(*map(sentence, found))
        while follow and not as_json:
            time.sleep(FOLLOW_S)
            seen = set(found)
            found = said(here, span, lines, ask, None)
            report.say(*(sentence(line) for line in found if line not in seen))


def said(here: Room, span: Span, count: int, ask: Ask, report: Report | None) -> list[Line]:
    """The last lines of both, in order. With a report it is told what is missing, and why."""
    journal = ask(journal_command(span, count))
    lines = list(journal_lines(journal or ""))
    if report is not None and journal is None:
        report.warn(
            "no journal can be read (no systemd, or not by this user: sudo edge-agent logs); what "
            "edge-agent run prints stands in its own terminal"
        )
    try:
        lines += _events(here, span, count)
    except Failure as error:
        if report is not None:
            report.warn(error.message)
    return sorted(lines)[-count:]


def journal_command(span: Span, count: int) -> list[str]:
    command = ["journalctl", "--no-pager", "--output=json", f"--lines={count}"]
    if span.since:
        command.append(f"--since=@{int(span.since.timestamp())}")
    if span.until:
        command.append(f"--until=@{int(span.until.timestamp()) + 1}")
    return command + [f"--unit={unit}" for unit in UNITS]


def journal_lines(text: str) -> Iterator[Line]:
    """What journalctl has printed as JSON; a line that is torn or of another form is left out."""
    for each in text.splitlines():
        try:
            entry = json.loads(each)
            at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
        except (ValueError, KeyError, TypeError, OverflowError, OSError):
            continue
        unit = str(entry.get("_SYSTEMD_UNIT", "")).removesuffix(".service")
        yield Line(_utc(at), unit if unit in UNITS else "systemd", _message(entry.get("MESSAGE")))


def sentence(line: Line) -> str:
    """For people: time, who, what; nothing in it can command the terminal."""
    about = " ".join(filter(None, (line.lecture, line.track)))
    text = f"{line.text} ({about})" if about else line.text
    clean = "".join(c if c.isprintable() else " " for c in text)
    return f"{local(line.utc)}  {line.source.removeprefix('edge-agent-'):<10}  {clean}"


def moment(text: str, now: datetime) -> datetime:
    """A length of time ago, a time of today, or a date. Raises ValueError."""
    try:
        return now - duration(text)
    except ValueError:
        pass
    if len(text) <= 5:
        hour, _, minute = text.partition(":")
        return now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def _span(here: Room, since: str, lecture: str) -> Span:
    """Raises Failure."""
    try:
        start = moment(since, datetime.now().astimezone()) if since else None
    except (ValueError, OverflowError):
        raise Failure(
            Exit.USAGE,
            "bad-time",
            f"{since!r} is no time",
            "write --since 2h, --since 16:30 or --since 2026-11-22",
        ) from None
    if not lecture:
        return Span(start)
    with here.ledger() as ledger:
        found = find_lecture(ledger, lecture)
    begun = datetime.fromisoformat(found.started_utc)
    ended = datetime.fromisoformat(found.ended_utc) if found.ended_utc else None
    # The package is made and checked after the end.
    until = ended + timedelta(hours=1) if ended else None
    return Span(max(begun, start) if start else begun, until, found.id)


def _events(here: Room, span: Span, count: int) -> list[Line]:
    with here.ledger() as ledger:
        found = ledger.events(span.lecture) if span.lecture else ledger.last_events(count)
    since = _utc(span.since) if span.since else ""
    return [
        Line(event.utc, "event", f"{event.kind}: {event.text}", event.lecture, event.track)
        for event in found
        if event.utc >= since
    ]


def _utc(at: datetime) -> str:
    from edge_agent.clock import rfc3339

    return rfc3339(at)


def _message(value: Any) -> str:
    """A text; numbers of bytes when it was none; nothing when it was too large for the journal."""
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        numbers = [each for each in value if isinstance(each, int) and 0 <= each < 256]
        return bytes(numbers).decode(errors="replace")
    return "(too long to be shown)"
