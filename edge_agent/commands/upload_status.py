"""`edge-agent upload status`: what waits, what holds and why, what is expected when."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Report, reporting
from edge_agent.commands.room import Room, config, room, say_if_down
from edge_agent.commands.upload_control import leave_lines, orders_document, upload_news
from edge_agent.commands.upload_hours import words
from edge_agent.commands.words import expected, local, size
from edge_agent.locks import is_held

if TYPE_CHECKING:
    from edge_agent.config import Upload
    from edge_agent.rows import OutboxRow

Watch = Annotated[bool, typer.Option("--watch", help="Show it again every second.")]


def status(context: typer.Context, as_json: AsJson = False, watch: Watch = False) -> None:
    """What waits, what arrived, what is in the way, and when each lecture will have arrived."""
    with reporting("upload.status", as_json) as report:
        here, upload = room(context), config(context).upload
        say_if_down(here, report)
        if not is_held(here.runtime.upload_lock):
            report.warn(
                "the upload process is not running; start it with: "
                "sudo systemctl start edge-agent-upload (or, without a service: "
                "edge-agent upload run)"
            )
        while True:
            _report(here, upload, report)
            if not watch or as_json:
                break
            time.sleep(1.0)
            report.say("")


def _report(here: Room, upload: Upload, report: Report) -> None:
    news = upload_news(here)
    with here.ledger() as ledger:
        titles = {lecture.id: lecture.title for lecture in ledger.lectures()}
        binned = ledger.binned()
        deliveries = _deliveries([row for row in ledger.outbox() if row.lecture not in binned])
        orders = orders_document(ledger)
    told = (news or {}).get("arrivals", [])
    arrivals = {(each["lecture"], each["destination"]): each for each in told}
    for each in deliveries:
        each["title"] = titles.get(each["lecture"], "")
        each["expected"] = arrivals.get((each["lecture"], each["destination"]))
    pace, line = _pace(upload)
    report.data = {
        "running": is_held(here.runtime.upload_lock),
        "deliveries": deliveries,
        "pace": pace,
        "orders": orders,
        "sending": news and news["sending"],
        "leave": news and news["leave"],
        "forecast_error": news and news["forecast_error"],
    }
    report.say(*(news_lines(news, titles) if news else [line]))
    now = datetime.now().astimezone()
    for each in deliveries:
        report.say(_line(each), *expected_lines(each, now))
    if not deliveries:
        report.say("nothing to deliver")


def news_lines(news: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    """What the upload process does and why; then the data used, where somebody counts it."""
    leave, lines = news["leave"], []
    if sending := news["sending"]:
        what = titles.get(sending["lecture"]) or sending["lecture"]
        share = sending["done"] / sending["bytes"] if sending["bytes"] else 1.0
        speed = sending["bytes_per_second"]
        fast = "" if speed is None else f" at {size(speed)}/s"
        lines.append(
            f"sending {sending['name']} of {what} to {sending['destination']}: "
            f"{share:.0%} of {size(sending['bytes'])}{fast}"
        )
    lines += leave_lines(leave)
    if leave["asked"]:
        lines.append(f"lectures asked for by people: {len(leave['asked'])}")
    if leave["metered"] is None:
        lines.append("metered: unknown (no NetworkManager), so it is taken for not metered")
    used = [
        f"{size(leave[f'bytes_{when}'])} {words_}{_of(leave[budget])}"
        for when, words_, budget in (
            ("today", "today", "budget_per_day"),
            ("this_month", "this month", "budget_per_month"),
        )
    ]
    lines.append(f"data: {', '.join(used)}")
    if (error := news["forecast_error"].get("whole")) and error["lectures"] >= 5:
        lines.append(
            f"forecasts of the last {error['lectures']} lectures were off by "
            f"{error['median_share']:.0%} of the time (median)"
        )
    return lines


def expected_lines(each: Mapping[str, Any], now: datetime) -> list[str]:
    """When it will be watchable and whole, as far as anybody knows."""
    found = each["expected"]
    if found is None or not each["waiting_files"]:
        return []
    parts = []
    if found["watchable"]:
        parts.append("watchable")
    elif found["watchable_utc"]:
        parts.append(f"watchable {_expected(found['watchable_utc'], now)}")
    if found["whole_utc"]:
        parts.append(f"whole {_expected(found['whole_utc'], now)}")
    elif found["why"]:
        parts.append(f"whole: nobody knows when, {found['why']}")
    else:
        parts.append("whole: not known yet")
    return [f"    {', '.join(parts)}"]


def _expected(utc: str, now: datetime) -> str:
    return expected(datetime.fromisoformat(utc).astimezone(), now)


def _of(budget: int | None) -> str:
    return "" if budget is None else f" of {size(budget)}"


def _pace(upload: Upload) -> tuple[dict[str, Any], str]:
    """What the timetable allows over a network now, and until when; as data and as a line."""
    now = datetime.now().astimezone()
    limit, change = upload.limits.at(now), upload.limits.next_change(now)
    data = {
        "limit_bytes_per_second": limit.rate,
        "until": change and change.isoformat(timespec="minutes"),
        "mode": upload.mode,
    }
    until = f" until {change:%a %H:%M}" if change else ""
    return data, f"by the timetable: {words(limit)}{until}"


def _deliveries(rows: Iterable[OutboxRow]) -> list[dict[str, Any]]:
    """One entry for each lecture and destination, the newest lecture first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        entry = found.setdefault(
            (row.lecture, row.destination),
            {
                "lecture": row.lecture,
                "destination": row.destination,
                "files": 0,
                "bytes": 0,
                "waiting_files": 0,
                "waiting_bytes": 0,
                "last_error": "",
                "delivered_utc": None,
            },
        )
        entry["files"] += 1
        entry["bytes"] += row.bytes
        if row.receipt is None:
            entry["waiting_files"] += 1
            entry["waiting_bytes"] += row.bytes
            entry["last_error"] = entry["last_error"] or row.last_error
        else:
            entry["delivered_utc"] = max(entry["delivered_utc"] or "", row.delivered_utc or "")
    return [found[key] for key in sorted(found, reverse=True)]


def _line(each: Mapping[str, Any]) -> str:
    where = f"{each['lecture']} → {each['destination']}  {size(each['bytes']):>10}"
    if not each["waiting_files"]:
        return f"{where}  delivered {local(each['delivered_utc'])}  {each['title']}"
    left = f"{each['waiting_files']} of {each['files']} files waiting"
    trouble = f": {each['last_error']}" if each["last_error"] else ""
    return f"{where}  {left}{trouble}  {each['title']}"
