"""`edge-agent upload pause …`: what people order of the upload. It survives restarts.

Orders are rows of their own in the ledger, which the upload process reads within a second; so they
can also be given while it is down.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, find_lecture, room
from edge_agent.commands.words import duration, local, size, until
from edge_agent.locks import is_held

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger

#: The upload process looks twice a second and tells once a second.
HEARD_S = 4.0
_POLL_S = 0.1

Until = Annotated[str, typer.Option("--until", metavar="HH:MM", help="Until this time.")]
For = Annotated[str, typer.Option("--for", metavar="2h30m", help="For so long.")]


def pause(context: typer.Context, end: Until = "", span: For = "", as_json: AsJson = False) -> None:
    """Send nothing until resumed, or for a while. What has arrived is not sent again."""
    with reporting("upload.pause", as_json) as report:
        moment = _end(end, span)
        _order(room(context), report, "pause", moment)
        report.say(f"paused until {_words(moment)}" if moment else "paused until you resume it")
        _say_now(report)


def resume(context: typer.Context, as_json: AsJson = False) -> None:
    """End the pause."""
    with reporting("upload.resume", as_json) as report:
        here = room(context)
        before = _orders(here)
        _order(here, report, "resume")
        report.say("resumed" if before["paused"] else "it was not paused")
        _say_now(report)


def now(
    context: typer.Context,
    lectures: Annotated[
        list[str] | None, typer.Argument(metavar="[LECTURE]...", autocompletion=completing.lectures)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send these lectures (or all that wait) now, whatever hours, budgets or a pause say; once."""
    with reporting("upload.now", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            waiting = {row.lecture for row in ledger.waiting()}
            wanted = [find_lecture(ledger, text).id for text in lectures or []]
            order = [each for each in ledger.ids() if each in (wanted or waiting)]
        if not order or not waiting.issuperset(order):
            raise _nothing_waits([each for each in order if each not in waiting])
        _order(here, report, "now", lectures=order)
        report.say(f"lectures that go now, before all others: {len(order)}")
        _say_now(report)


def retry(
    context: typer.Context,
    lecture: Annotated[
        str, typer.Argument(metavar="[LECTURE]", autocompletion=completing.lectures)
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Try again at once what was refused, or is waited for after failures; no lecture: all."""
    with reporting("upload.retry", as_json) as report:
        here = room(context)
        wanted = ""
        if lecture:
            with here.ledger() as ledger:
                wanted = find_lecture(ledger, lecture).id
        _order(here, report, "retry", lectures=[wanted])
        report.say("tried again at once; see: edge-agent upload status")


def limit(
    context: typer.Context,
    rate: Annotated[str, typer.Argument(metavar="RATE|off|timetable")],
    end: Until = "",
    span: For = "",
    as_json: AsJson = False,
) -> None:
    """Another limit in place of the timetable's: 512k, 2M, off (none); "timetable" ends it."""
    with reporting("upload.limit", as_json) as report:
        here, moment = room(context), _end(end, span)
        if rate == "timetable":
            _order(here, report, "timetable")
            report.say("the timetable's limits hold again")
        else:
            number = _rate(rate)
            _order(here, report, "limit", moment, rate=number)
            held = "no limit" if number is None else f"at most {size(number)}/s"
            ends = _words(moment) if moment else "you say: edge-agent upload limit timetable"
            report.say(f"{held} until {ends}")
        _say_now(report)


def upload_news(here: Room) -> dict[str, Any] | None:
    """What the upload process says of itself; None: there is none, or it has said nothing yet."""
    if not is_held(here.runtime.upload_lock):
        return None
    try:
        found = json.loads(here.runtime.upload.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def leave_lines(leave: dict[str, Any]) -> list[str]:
    """What may go now and why, for people."""
    first, full = leave["first_stages"], leave["full_quality"]
    if first["words"] == full["words"]:
        return [f"now: {_holds(first)}"]
    return [f"now: first stages: {_holds(first)}", f"     full quality: {_holds(full)}"]


def _holds(verdict: dict[str, Any]) -> str:
    return f"waits, {verdict['words']}" if verdict["waits"] else str(verdict["words"])


def orders_document(ledger: Ledger) -> dict[str, Any]:
    """The orders that hold."""
    from edge_agent.clock import SystemClock
    from edge_agent.upload_orders import control

    held = control(ledger.upload_orders(), SystemClock().now())
    return {
        "paused": held.pause is not None,
        "paused_until": _utc(held.pause.until if held.pause else None),
        "limited": held.limit is not None,
        "limit_bytes_per_second": held.limit.limit.rate if held.limit else None,
        "limited_until": _utc(held.limit.until if held.limit else None),
        "asked": sorted(held.asked),
    }


def _orders(here: Room) -> dict[str, Any]:
    with here.ledger() as ledger:
        return orders_document(ledger)


def _order(
    here: Room,
    report: Report,
    verb: str,
    moment: datetime | None = None,
    **more: Any,
) -> None:
    """Give the order, wait until the upload process has heard it, and put both into the answer."""
    from edge_agent.clock import SystemClock, rfc3339
    from edge_agent.ledger import Ledger, LedgerMissing

    clock_now = SystemClock().now()
    if moment is not None:
        more["seconds"] = (moment - clock_now.utc).total_seconds()
        more["until_utc"] = rfc3339(moment)
    try:
        ledger = Ledger.write(here.spool.ledger)
    except LedgerMissing:
        with here.ledger():  # says what is missing and what to do
            raise
    try:
        number = ledger.order_upload(clock_now, verb, **more)
        orders = orders_document(ledger)
    finally:
        ledger.close()
    news = _heard(here, number)
    running = is_held(here.runtime.upload_lock)
    report.data = {"running": running, "orders": orders, "leave": news and news["leave"]}
    if not running:
        report.warn(
            "the upload process is not running; the order holds as soon as it is. Start it with: "
            "sudo systemctl start edge-agent-upload"
        )
    elif news is None:
        report.warn("the upload process has not answered yet; see: edge-agent upload status")


def _heard(here: Room, number: int) -> dict[str, Any] | None:
    """What the upload process says once it knows of this order; None: there is no answer."""
    deadline = time.monotonic() + HEARD_S
    while is_held(here.runtime.upload_lock):
        news = upload_news(here)
        if news is not None and news["leave"]["orders"] >= number:
            return news
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)
    return None


def _say_now(report: Report) -> None:
    if report.data["leave"]:
        report.say(*leave_lines(report.data["leave"]))


def _end(end: str, span: str) -> datetime | None:
    """When an order ends; None: when people say so."""
    here = datetime.now().astimezone()
    if end and span:
        raise Failure(Exit.USAGE, "two-ends", "--until and --for exclude each other", "leave one")
    try:
        if span:
            return here + duration(span)
        return until(end, here) if end else None
    except ValueError:
        raise Failure(
            Exit.USAGE,
            "bad-time",
            f"{end or span!r} is no {'length of time' if span else 'time'}",
            "write it as --for 2h30m or --until 16:30",
        ) from None


def _rate(text: str) -> int | None:
    from uploader.limits import LimitsError, limit_of

    try:
        found = limit_of(text)
    except LimitsError as error:
        raise Failure(Exit.USAGE, "bad-rate", str(error), "edge-agent upload limit 512k") from None
    if found.pauses:
        raise Failure(Exit.USAGE, "bad-rate", "a pause is no rate", "edge-agent upload pause")
    return found.rate


def _nothing_waits(lectures: list[str]) -> Failure:
    what = f"nothing of {', '.join(lectures)} waits to be sent" if lectures else "nothing waits"
    hint = "see what arrived: edge-agent upload status"
    return Failure(Exit.WRONG_STATE, "nothing-waits", what, hint)


def _words(moment: datetime) -> str:
    return local(moment.isoformat())[:16]


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
