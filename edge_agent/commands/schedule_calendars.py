"""`edge-agent schedule import` and `sync`: whole calendars, from a file or from an address."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.clock import rfc3339
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.schedule_words import calendar_line

if TYPE_CHECKING:
    from edge_agent.schedule_store import Calendar


def import_(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.ics]", help="A calendar in iCalendar.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="What the room calls it; replaces what had this name.")
    ] = "imported",
    location: Annotated[str, typer.Option(help="Only events at this place.")] = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="Take the calendar of this name out instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take the bookings of a file over, in place of those that had the same name."""
    with reporting("schedule.import", as_json) as report:
        here = room(context)
        if forget:
            _forget(here, name, report)
            return
        if file is None:
            raise Failure(Exit.USAGE, "no-file", "no file was given", "name a calendar: FILE.ics")
        calendar = _imported(context, here, file, name, location)
        report.data = calendar_document(calendar)
        report.say(calendar_line(report.data))


def _imported(context: typer.Context, here: Room, file: Path, name: str, location: str) -> Calendar:
    from edge_agent.calendars import MOST_BYTES, BadCalendar, Wishes, taken_over
    from edge_agent.schedule_store import NAME, Calendar, ScheduleStore

    settings = config(context)
    if not NAME.fullmatch(name) or name in settings.calendars:
        raise Failure(
            Exit.USAGE,
            "bad-name",
            f"{name!r} is no name for a file's calendar, or is one of the configuration's",
            "choose another one of small letters, digits and '-'",
        )
    with file.open("rb") as opened:
        text = opened.read(MOST_BYTES)
    store, now = ScheduleStore(here.spool.schedule), datetime.now(UTC)
    with store.changing():
        fresh = Calendar(name, "file", checked_utc=rfc3339(now))
        wishes = Wishes(settings.schedule.zone, location)
        try:
            calendar = taken_over(store.calendar(name), fresh, text, wishes, now)
        except BadCalendar as error:
            raise Failure(
                Exit.FAILED,
                "bad-calendar",
                f"{file}: {error}",
                "nothing was changed; with --forget a calendar is taken out",
            ) from None
        store.put(calendar)
    return calendar


def _forget(here: Room, name: str, report: Report) -> None:
    from edge_agent.schedule_store import ScheduleStore

    store = ScheduleStore(here.spool.schedule)
    if name not in store.names():
        raise Failure(
            Exit.NOT_FOUND,
            "no-such-calendar",
            f"no calendar {name!r}",
            "see them with: edge-agent schedule list --json",
        )
    with store.changing():
        store.drop(name)
    report.data = {"name": name}
    report.say(f"{name} is taken out")


def sync(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[CALENDAR]...")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the configured calendars now. Exit code 3 if one of them cannot be taken over."""
    with reporting("schedule.sync", as_json) as report:
        from edge_agent.calendar_copies import CalendarSync, asking
        from edge_agent.capture_agent import capture_agents
        from edge_agent.clock import SystemClock
        from edge_agent.schedule_store import ScheduleStore
        from edge_agent.secrets import Secrets

        here, settings = room(context), config(context)
        secrets = Secrets.of(os.environ, here.written.main.parent)
        agents = capture_agents(settings, secrets)
        wanted = names or [*settings.calendars, *agents]
        unknown = [each for each in wanted if each not in {*settings.calendars, *agents}]
        if unknown or not wanted:
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-calendar",
                f"the configuration has no calendar {', '.join(unknown) or 'at all'}",
                "edge-agent config set calendars.campus.url https://… adds one",
            )
        store = ScheduleStore(here.spool.schedule)
        calendars = CalendarSync(store, settings.calendars, settings.schedule.zone, asking(secrets))
        report.data = []
        for name in wanted:
            now = SystemClock().now()
            calendar = agents[name].calendar(now) if name in agents else calendars.sync(name, now)
            report.data.append(calendar_document(calendar))
            if calendar.trouble:
                report.warn(f"calendar {name}: {calendar.trouble}")
                report.exit = Exit.FINDINGS
            else:
                report.say(calendar_line(report.data[-1]))


def run(context: typer.Context) -> None:
    """Ask the configured calendars in the foreground, until told to stop (systemd runs this)."""
    with reporting("schedule.run") as report:
        from edge_agent import calendar_sync
        from edge_agent.capture_agent import capture_agents
        from edge_agent.secrets import Secrets

        settings = config(context)
        secrets = Secrets.of(os.environ, room(context).written.main.parent)
        agents = capture_agents(settings, secrets).values()
        if not (settings.calendars or agents):
            report.warn("no calendars are configured: bookings come from files and by hand only")
        calendar_sync.run(settings, secrets, agents)


def calendar_document(calendar: Calendar) -> dict[str, Any]:
    """A calendar without its bookings."""
    return {
        "name": calendar.name,
        "kind": calendar.kind,
        "bookings": len(calendar.bookings),
        "checked_utc": calendar.checked_utc or None,
        "changed_utc": calendar.changed_utc or None,
        "trouble": calendar.trouble,
        "notes": list(calendar.notes),
    }
