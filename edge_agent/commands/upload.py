"""`edge-agent upload …`: the delivery queue, and the process that empties it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from edge_agent.commands import stick
from edge_agent.commands import upload_control as control
from edge_agent.commands.output import AsJson, reporting
from edge_agent.commands.room import config, room, say_if_down
from edge_agent.commands.upload_hours import window
from edge_agent.commands.words import local, size
from edge_agent.locks import is_held

if TYPE_CHECKING:
    from edge_agent.config import Upload
    from edge_agent.rows import OutboxRow

app = typer.Typer(help="The delivery of finished lectures.", no_args_is_help=True)
for each in (control.pause, control.resume, control.now, control.retry, control.limit, window):
    app.command()(each)
app.add_typer(stick.app, name="stick")


@app.command()
def run(context: typer.Context) -> None:
    """Deliver in the foreground, until told to stop (systemd runs this)."""
    with reporting("upload.run") as report:
        import logging

        from edge_agent import delivery
        from edge_agent.secrets import Secrets

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
        settings = config(context)
        if not settings.destinations:
            report.warn("no destinations are configured: lectures stay on this computer")
        delivery.run(settings, Secrets.of(os.environ, room(context).written.main.parent))


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """What waits, what arrived, and what is in the way."""
    with reporting("upload.status", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        running = is_held(here.runtime.upload_lock)
        if not running:
            report.warn(
                "the upload process is not running; start it with: "
                "sudo systemctl start edge-agent-upload (or, without a service: "
                "edge-agent upload run)"
            )
        with here.ledger() as ledger:
            titles = {lecture.id: lecture.title for lecture in ledger.lectures()}
            deliveries = _deliveries(ledger.outbox())
        for each in deliveries:
            each["title"] = titles.get(each["lecture"], "")
        pace, words = _pace(config(context).upload)
        news = control.upload_news(here)
        leave = news and news["leave"]
        report.data = {"running": running, "deliveries": deliveries, "pace": pace, "leave": leave}
        report.say(words, *(_line(each) for each in deliveries))
        if not deliveries:
            report.say("nothing to deliver")


def _pace(upload: Upload) -> tuple[dict[str, Any], str]:
    """What may be sent over a network now, and until when; as data and as a line."""
    now = datetime.now().astimezone()
    limit, change = upload.limits.at(now), upload.limits.next_change(now)
    data = {
        "limit_bytes_per_second": limit.rate,
        "until": change and change.isoformat(timespec="minutes"),
        "mode": upload.mode,
    }
    rate = "no limit" if limit.rate is None else f"at most {size(limit.rate)}/s"
    words = "nothing is sent" if limit.pauses else f"{rate}, {upload.mode}"
    until = f" until {change:%a %H:%M}" if change else ""
    return data, f"now: {words}{until}"


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


def _line(each: dict[str, Any]) -> str:
    where = f"{each['lecture']} → {each['destination']}  {size(each['bytes']):>10}"
    if not each["waiting_files"]:
        return f"{where}  delivered {local(each['delivered_utc'])}  {each['title']}"
    left = f"{each['waiting_files']} of {each['files']} files waiting"
    trouble = f": {each['last_error']}" if each["last_error"] else ""
    return f"{where}  {left}{trouble}  {each['title']}"
