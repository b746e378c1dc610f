"""`edge-agent status`: the room on one screen. The lines are made by pure functions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import typer

from edge_agent.commands.output import AsJson, Failure, reporting
from edge_agent.commands.room import Room, room, say_if_down
from edge_agent.commands.upload_control import upload_news
from edge_agent.commands.words import clock, level, local, loudness, size
from edge_agent.rules.guards import advice

Facts = Mapping[str, Any]


def status(
    context: typer.Context,
    as_json: AsJson = False,
    watch: bool = typer.Option(False, "--watch", help="Show it again every second."),
) -> None:
    """The state of this room on one screen."""
    with reporting("status", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        while True:
            facts = here.status()
            report.data = {"running": facts is not None, "agent": facts, "queue": _queue(here)}
            report.say(*screen(here.name, facts, report.data["queue"]))
            if not watch or as_json:
                break
            time.sleep(1.0)
            report.say("")


def _queue(here: Room) -> dict[str, Any] | None:
    """What waits for delivery, and lectures that need a person; None without a ledger."""
    from edge_agent.rules.lecture import State

    try:
        with here.ledger() as ledger:
            waiting = ledger.waiting()
            failed = len(set(ledger.ids(State.FAILED)) - ledger.binned())
    except Failure:
        return None
    return {
        "waits_for": _waits_for(here) if waiting else "",
        "files": len(waiting),
        "bytes": sum(row.bytes for row in waiting),
        "troubled": sum(1 for row in waiting if row.last_error),
        "failed_lectures": failed,
    }


def _waits_for(here: Room) -> str:
    """Why the upload sends nothing, or no full quality, at this moment; empty: it may."""
    news = upload_news(here)
    if news is None:
        return ""
    first, full = news["leave"]["first_stages"], news["leave"]["full_quality"]
    if first["waits"]:
        return str(first["words"])
    return f"full quality waits, {full['words']}" if full["waits"] else ""


def screen(room_name: str, facts: Facts | None, queue: Facts | None) -> list[str]:
    """The whole screen. `facts` None: the agent is not running."""
    if facts is None:
        return [f"Room {room_name}", "○ NOT RUNNING", *_queue_lines(queue)]
    lines = [f"Room {facts['room']}   agent {facts['version']}", lecture_line(facts["lecture"])]
    if facts.get("muted"):
        lines.append("■ MUTED: black and silence; end it with: edge-agent record unmute")
    lines += [f"  {line}" for line in track_lines(facts["tracks"])]
    lines += _schedule_lines(facts.get("schedule"))
    if facts["finishing"]:
        done = facts["finishing"]
        lines.append(f"Finishing  {done['lecture']}  {done['fraction']:.0%}")
    lines.append(f"Disk       {size(facts['spool']['free_bytes'])} free")
    if facts["spool"]["trouble"]:
        lines.append(f"           {facts['spool']['trouble']}")
    if facts.get("on_battery"):
        lines.append("Power      on battery: plug the power cable in")
    if facts["clock_trust"] != "synchronised":
        lines.append(f"Clock      {facts['clock_trust']}: not set by the network")
    return [*lines, *_queue_lines(queue)]


def lecture_line(lecture: Facts | None) -> str:
    """The one line that matters: is it recording?"""
    if lecture is None:
        return "○ READY, not recording"
    mark = "●" if lecture["state"] == "recording" else "‖"
    words = [f"{mark} {lecture['state'].upper()}  {clock(lecture['elapsed_s'])}"]
    words += [part for part in (lecture["title"], lecture.get("lecturer", "")) if part]
    if lecture["until_utc"]:
        words.append(f"until {local(lecture['until_utc'])[11:16]}")
    return "  ".join(words)


def track_lines(tracks: Facts) -> list[str]:
    """A line for each track, and one more for what is wrong with it and how to mend it."""
    if not tracks:
        return ["no tracks: plug in a camera or microphone, then restart the agent"]
    width = max(len(name) for name in tracks)
    lines = []
    for name, track in tracks.items():
        lines.append(f"{name:<{width}}  {track['phase']:<9}  {_what(track)}")
        if track.get("warning"):
            lines.append(f"{'':<{width}}  {track['warning']}: {advice(track['warning'])}")
        elif track.get("notice"):
            lines.append(f"{'':<{width}}  {track['notice']} so far; is the microphone on?")
        if track.get("given_up"):
            lines.append(f"{'':<{width}}  this PC is too slow: {track['given_up']}")
            lines.append(f"{'':<{width}}  next: close other programs; a smaller size costs less")
        if track["reason"] and track["phase"] in ("absent", "starting", "armed"):
            lines.append(f"{'':<{width}}  {track['reason']}")
            if track["hint"]:
                lines.append(f"{'':<{width}}  next: {track['hint']}")
    return lines


def _what(track: Facts) -> str:
    words = []
    if track["media"] == "video" and track["width"]:
        words.append(f"{track['width']}×{track['height']} {track['fps']:.0f}/s {track['encoder']}")
    if track["media"] == "audio" and track["phase"] in ("armed", "recording"):
        words.append(f"peak {level(track['peak'])}, mean {level(track['rms'])}")
        words += [loudness(track["sound"])] if track.get("sound") else []
    if track["phase"] == "recording":
        words.append(f"{clock(track['durable_s'])} on disk")
        words.append(f"{track['dropped']} dropped")
    if track["restarts"]:
        words.append(f"{track['restarts']} restarts")
    return "  ".join(word.strip() for word in words)


def _schedule_lines(schedule: Facts | None) -> list[str]:
    """What is booked next, why a booking of now is not recorded, and what is wrong."""
    if schedule is None:
        return []
    lines = []
    present, following = schedule["now"], schedule["next"]
    if present and not present["recording"] and present["reason"]:
        lines.append(f"Booked     {_booking(present)}: {present['reason']}")
    if following:
        lines.append(f"Next       {_booking(following)}")
    return lines + ([f"Timetable  {schedule['trouble']}"] if schedule["trouble"] else [])


def _booking(booking: Facts) -> str:
    words = [local(booking["starts_utc"])[:16], booking["title"], booking["lecturer"]]
    return "  ".join(word for word in words if word)


def _queue_lines(queue: Facts | None) -> list[str]:
    if queue is None:
        return []
    lines = []
    if queue["files"]:
        troubled = f", {queue['troubled']} with trouble" if queue["troubled"] else ""
        lines.append(f"Queue      {queue['files']} files, {size(queue['bytes'])}{troubled}")
        if queue.get("waits_for"):
            lines.append(f"           {queue['waits_for']}")
    else:
        lines.append("Queue      empty")
    if queue["failed_lectures"]:
        count = queue["failed_lectures"]
        lines.append(f"Failed     {count} lectures; see: edge-agent lectures list --state failed")
    return lines
