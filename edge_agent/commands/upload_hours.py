"""`edge-agent upload window`: the week's timetable of limits, as this room keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from edge_agent.commands.output import AsJson, reporting
from edge_agent.commands.room import config, room
from edge_agent.commands.words import size, table

if TYPE_CHECKING:
    from uploader.limits import Limit
    from uploader.policy import Policy
    from uploader.timetable import Stretch


def window(context: typer.Context, as_json: AsJson = False) -> None:
    """The week's limits as a table, what holds now, and what comes next."""
    with reporting("upload.window", as_json) as report:
        from edge_agent.upload_room import machine_id, policy
        from uploader.timetable import week

        settings = config(context)
        said = policy(settings, machine_id())
        stretches = week(settings.upload.limits)
        now = datetime.now().astimezone()
        report.data = {
            "limit": settings.upload.limit,
            "late_seconds": int(said.timetable.late.total_seconds()),
            "week": [
                {
                    "day": each.day,
                    "from": _minute(each.begin),
                    "to": _minute(each.end),
                    "bytes_per_second": each.limit.rate,
                }
                for each in stretches
            ],
            **_changes(said, now),
        }
        file = room(context).written.main
        report.say(*table(["day", "limit"], _lines(stretches)), "", *_now(said, now))
        report.say(
            f"change it: limit under [upload] in {file}, then restart edge-agent-upload;",
            "for a while only: edge-agent upload limit, edge-agent upload pause",
        )


def _changes(said: Policy, now: datetime) -> dict[str, Any]:
    """What holds, and what will hold next; null: it never changes."""
    change = said.timetable.next_change(now)
    return {
        "bytes_per_second": said.timetable.at(now).rate,
        "next": change
        and {
            "utc": change.astimezone(UTC).isoformat(timespec="seconds"),
            "bytes_per_second": said.timetable.at(change).rate,
        },
    }


def _now(said: Policy, now: datetime) -> list[str]:
    change = said.timetable.next_change(now)
    lines = [f"now: {words(said.timetable.at(now))}"]
    if change is not None:
        lines.append(f"from {change:%a %H:%M}: {words(said.timetable.at(change))}")
        if late := said.timetable.late.total_seconds():
            lines.append(
                f"this room begins {late / 60:.0f} min later than written where more is allowed, "
                "so that not all rooms begin at once"
            )
    return lines


def _lines(stretches: Sequence[Stretch]) -> list[list[str]]:
    """One line for each run of days that are alike."""
    days = [(day, _day(list(parts))) for day, parts in groupby(stretches, lambda each: each.day)]
    lines = []
    for text, run in groupby(days, lambda each: each[1]):
        names = [day for day, _ in run]
        name = names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"
        lines.append([name, text])
    return lines


def _day(parts: Sequence[Stretch]) -> str:
    return ", ".join(f"{_minute(p.begin)}-{_minute(p.end)} {words(p.limit)}" for p in parts)


def words(limit: Limit) -> str:
    if limit.rate is None:
        return "no limit"
    return "nothing" if limit.pauses else f"{size(limit.rate)}/s"


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
