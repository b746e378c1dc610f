"""`edge-agent schedule …`: the room's timetable, and what people change of it.

It lies in files of the spool, so all of this works while the agent is down, and counts within a
second when it runs.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, room
from edge_agent.commands.schedule_calendars import calendar_document, import_, run, sync
from edge_agent.commands.schedule_words import lines, problems
from edge_agent.commands.words import duration, until
from edge_agent.rules.moments import moment

if TYPE_CHECKING:
    from edge_agent.rules.bookings import Booking
    from edge_agent.schedule_store import Calendar, ScheduleStore

app = typer.Typer(
    help="The timetable: booked lectures begin and end by themselves.", no_args_is_help=True
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


@app.command("list")
def list_(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="So many days ahead, 1 to 400.", min=1, max=400)] = 7,
    past: Annotated[
        bool, typer.Option("--past", help="What is over, of the last 35 days.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bookings, and what became of each. Exit code 3 if a calendar is in trouble."""
    with reporting("schedule.list", as_json) as report:
        here = room(context)
        now = datetime.now(UTC)
        calendars = _calendars(here, report)
        since, end = (now - timedelta(days=36), now) if past else (now, now + timedelta(days=days))
        skipped = _skipped(_store(here), report)
        found = [b for c in calendars for b in c.bookings if b.ends > since and b.starts < end]
        if past:
            found = [b for b in found if b.ends <= now]
        rows = _outcomes(here, found)
        report.data = {
            "calendars": [calendar_document(calendar) for calendar in calendars],
            "bookings": [_document(b, b.key in skipped, rows.get(b.key)) for b in _ordered(found)],
        }
        report.say(*lines(report.data["bookings"]))
        for trouble in problems(report.data["calendars"]):
            report.warn(trouble)
            report.exit = Exit.FINDINGS


@app.command()
def add(
    context: typer.Context,
    start: Annotated[
        str, typer.Argument(metavar="START", help='"2026-11-23 10:00", or 10:00 for the next one.')
    ],
    end: Annotated[str, typer.Option("--until", metavar="HH:MM", help="When it ends.")] = "",
    span: Annotated[str, typer.Option("--for", metavar="1h30m", help="How long it lasts.")] = "",
    title: str = typer.Option("", help="What the lecture is about."),
    course: str = typer.Option("", help="The course it belongs to."),
    lecturer: str = typer.Option("", help="Who speaks."),
    language: str = typer.Option("", help="The language spoken, as a tag: en, km, pt-BR."),
    as_json: AsJson = False,
) -> None:
    """Book one lecture by hand, in this computer's time. Take it out again with `schedule skip`."""
    from edge_agent.rules.bookings import Booking
    from edge_agent.schedule_store import BY_HAND, Calendar, merged

    with reporting("schedule.add", as_json) as report:
        now = datetime.now(UTC)
        starts = _start(start, now)
        ends = _end(starts, end, span)
        if ends <= now:
            raise Failure(Exit.USAGE, "bad-time", "it would be over already", "give a later start")
        booking = Booking(
            f"{BY_HAND}:{uuid.uuid4()}|", starts, ends, title, course, lecturer, language, now
        )
        here = room(context)
        store = _store(here)
        with store.changing():
            old = store.calendar(BY_HAND) or Calendar(BY_HAND, "hand")
            fresh = Calendar(BY_HAND, "hand", (*old.bookings, booking))
            store.put(merged(old, fresh, now))
            near = [b for c in _calendars(here, report) for b in c.bookings if _meets(b, booking)]
        report.data = _document(booking, False, None)
        report.say(*lines([report.data]))
        if near:
            report.warn(
                f"{len(near)} other bookings overlap with it; the one that begins first wins"
            )


@app.command()
def skip(
    context: typer.Context,
    booking_id: Annotated[str, typer.Argument(metavar="ID", help="As `schedule list` shows it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Record it after all.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do not begin this booking by itself. One that is being recorded goes on."""
    with reporting("schedule.skip", as_json) as report:
        here = room(context)
        store = _store(here)
        booking = _find(_calendars(here, report), booking_id)
        with store.changing():
            store.skip(booking.key, not undo)
        report.data = _document(booking, not undo, None)
        report.say(*lines([report.data]))
        running = ((here.status() or {}).get("lecture") or {}).get("booking")
        if running == booking.key and not undo:
            report.warn("it is being recorded now; end it with: edge-agent record stop")


app.command("import")(import_)
app.command()(sync)
app.command()(run)


# ---------------------------------------------------------------- pieces


def _store(here: Room) -> ScheduleStore:
    from edge_agent.schedule_store import ScheduleStore

    return ScheduleStore(here.spool.schedule)


def _calendars(here: Room, report: Report) -> list[Calendar]:
    """Those that count. A damaged file is told, and one that the configuration names no more."""
    from edge_agent.schedule_store import BadStore

    store, found = _store(here), []
    asked = here.written.values.get("calendars", {})
    for name in store.names():
        try:
            calendar = store.calendar(name)
        except BadStore as error:
            report.warn(f"{error}; import or sync this calendar again")
            report.exit = Exit.FINDINGS
            continue
        if calendar is not None and calendar.kind == "url" and name not in asked:
            report.warn(
                f"calendar {name} is not in the configuration any more, and does not count; take "
                f"it out with: edge-agent schedule import --forget --name {name}"
            )
        elif calendar is not None:
            found.append(calendar)
    return found


def _skipped(store: ScheduleStore, report: Report) -> frozenset[str]:
    from edge_agent.schedule_store import BadStore

    try:
        return store.skipped()
    except BadStore as error:
        report.warn(f"{error}; skip the bookings again that are not wanted")
        report.exit = Exit.FINDINGS
        return frozenset()


def _outcomes(here: Room, bookings: list[Booking]) -> dict[str, Any]:
    """What became of them, as far as there is a ledger."""
    try:
        with here.ledger() as ledger:
            return dict(ledger.booking_rows([booking.key for booking in bookings]))
    except Failure:
        return {}


def _document(booking: Booking, skipped: bool, row: Any) -> dict[str, Any]:
    from edge_agent.clock import rfc3339
    from edge_agent.schedule_store import short

    return {
        "id": short(booking.key),
        "key": booking.key,
        "starts_utc": rfc3339(booking.starts),
        "ends_utc": rfc3339(booking.ends),
        "title": booking.title,
        "course": booking.course,
        "lecturer": booking.lecturer,
        "language": booking.language,
        "calendar": booking.key.partition(":")[0],
        "skipped": skipped,
        "outcome": row.outcome if row else "",
        "reason": row.reason if row else "",
        "lecture": row.lecture if row else "",
    }


def _ordered(bookings: list[Booking]) -> list[Booking]:
    return sorted(bookings, key=lambda b: (b.starts, b.ends, b.key))


def _meets(one: Booking, other: Booking) -> bool:
    return one.key != other.key and one.starts < other.ends and other.starts < one.ends


def _find(calendars: list[Calendar], text: str) -> Booking:
    from edge_agent.schedule_store import short

    found = [b for c in calendars for b in c.bookings if text in (b.key, short(b.key))]
    if found:
        return found[0]
    raise Failure(
        Exit.NOT_FOUND,
        "no-such-booking",
        f"no booking {text!r}",
        "see the ids with: edge-agent schedule list --days 30",
    )


def _start(text: str, now: datetime) -> datetime:
    found: datetime | None = None
    try:
        if _CLOCK.fullmatch(text):
            return until(text, now.astimezone()).astimezone(UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        pass
    # One year more than clocks show, and the copy of all that is booked by hand could not be read.
    if found is None or moment(found.replace(tzinfo=UTC).isoformat()) is None:
        raise Failure(
            Exit.USAGE, "bad-time", f"{text!r} is not a time", 'write it as "2026-11-23 10:00"'
        )
    return found.astimezone(UTC)


def _end(starts: datetime, end: str, span: str) -> datetime:
    from edge_agent.schedule_store import LONGEST

    if bool(end) == bool(span):
        raise Failure(
            Exit.USAGE, "bad-time", "how long it lasts is not clear", "give --until or --for"
        )
    try:
        ends = until(end, starts.astimezone()).astimezone(UTC) if end else starts + duration(span)
    except ValueError as error:
        raise Failure(
            Exit.USAGE, "bad-time", str(error), "write --until 11:30, or --for 1h30m"
        ) from None
    if not timedelta(minutes=1) <= ends - starts <= LONGEST:
        raise Failure(
            Exit.USAGE, "bad-time", "a lecture lasts a minute to a day", "give another end"
        )
    return ends
