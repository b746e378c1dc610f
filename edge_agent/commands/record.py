"""`edge-agent record …`: the buttons. "Recording" is said only when bytes are on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from edge_agent.asking import wait_for
from edge_agent.commands.asking import ask, demand_alive
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, find_lecture, room, say_if_down
from edge_agent.commands.status import lecture_line, track_lines
from edge_agent.commands.words import size, until

app = typer.Typer(help="Start, pause and stop the recording of a lecture.", no_args_is_help=True)

#: A room that is armed has its first second on the disk after about one second.
ON_DISK_S = 8.0
#: A disk whose syncs take seconds gets this long besides, while the tracks are being recorded.
SLOW_DISK_S = 30.0
FINISHED_S = 3600.0
MUTED = (
    "the room is muted: black pictures and silence are recorded; end it with: "
    "edge-agent record unmute"
)


@app.command()
def start(
    context: typer.Context,
    title: str = typer.Option("", help="What the lecture is about."),
    course: str = typer.Option("", help="The course it belongs to."),
    lecturer: str = typer.Option("", help="Who speaks."),
    language: str = typer.Option("", help="The language spoken, as a tag: en, km, pt-BR."),
    licence: str = typer.Option("", help="Licence by name or address: CC-BY-4.0."),
    end: str = typer.Option("", "--until", metavar="HH:MM", help="End by itself at this time."),
    as_json: AsJson = False,
) -> None:
    """Start a lecture with every device of the room."""
    with reporting("record.start", as_json) as report:
        details = {
            "title": title,
            "course": course,
            "lecturer": lecturer,
            "language": language,
            "licence": licence,
            "until_utc": _until(end),
        }
        here = room(context)
        answer = ask(here, "start", details)
        lecture = str(answer["lecture"])
        if answer.get("warning"):
            report.warn(str(answer["warning"]))
        if answer.get("muted"):
            report.warn(MUTED)
        report.note(f"lecture {lecture} is started, waiting for its first second on the disk")
        tracks = _once_on_disk(here, lecture)
        late = sorted(name for name, track in tracks.items() if not _on_disk(track))
        report.data = {
            "lecture": lecture,
            "muted": bool(answer.get("muted")),
            "tracks": tracks,
            "not_recording": late,
        }
        _tell_start(report, lecture, tracks, late)


def _until(text: str) -> str | None:
    if not text:
        return None
    try:
        return until(text, datetime.now().astimezone()).astimezone(UTC).isoformat()
    except ValueError:
        raise Failure(
            Exit.USAGE, "bad-time", f"--until {text!r} is not a time", "write it as 16:30"
        ) from None


def _on_disk(track: Mapping[str, Any]) -> bool:
    return track["phase"] == "recording" and track["durable_s"] is not None


def _tracks(here: Room, lecture: str) -> dict[str, Any]:
    """The tracks of the running lecture; none if it is not under way (any more)."""
    facts = here.status() or {}
    current = facts.get("lecture") or {}
    return dict(facts["tracks"]) if current.get("id") == lecture else {}


def _once_on_disk(here: Room, lecture: str) -> dict[str, Any]:
    """The tracks once all of them are on the disk, or as they are when that will not be soon."""

    def settled() -> dict[str, Any] | None:
        found = _tracks(here, lecture)
        waiting = [it for it in found.values() if it["phase"] == "recording" and not _on_disk(it)]
        return None if waiting else found

    found = wait_for(lambda: _all_on_disk(here, lecture), ON_DISK_S)
    return found or wait_for(settled, SLOW_DISK_S) or _tracks(here, lecture)


def _all_on_disk(here: Room, lecture: str) -> dict[str, Any] | None:
    tracks = _tracks(here, lecture)
    return tracks if tracks and all(_on_disk(track) for track in tracks.values()) else None


def _tell_start(report: Report, lecture: str, tracks: dict[str, Any], late: list[str]) -> None:
    if not tracks or len(late) == len(tracks):
        raise Failure(
            Exit.DEVICE,
            "nothing-on-disk",
            f"lecture {lecture} was started, but after {ON_DISK_S:.0f} s no track is on the disk",
            "see which device is in trouble with: edge-agent status",
        )
    report.say(f"Recording {lecture}", *(f"  {line}" for line in track_lines(tracks)))
    for name in late:
        report.exit = Exit.FINDINGS
        why = tracks[name]["reason"] or "no picture or sound from it yet"
        report.warn(f"track {name} is not recording: {why}; see: edge-agent status")


@app.command()
def stop(
    context: typer.Context,
    wait: Annotated[bool, typer.Option("--wait", help="Until the package is finished.")] = False,
    as_json: AsJson = False,
) -> None:
    """End the lecture; it is packaged and delivered by itself."""
    with reporting("record.stop", as_json) as report:
        here = room(context)
        lecture = str(ask(here, "stop", {})["lecture"])
        report.data = {"lecture": lecture}
        report.say(f"Stopped {lecture}")
        if wait:
            report.data |= _await_package(here, lecture, report)


def _await_package(here: Room, lecture: str, report: Report) -> dict[str, Any]:
    """Until the package exists. A bar on a terminal, nothing elsewhere."""
    from edge_agent.commands.progress import bar
    from edge_agent.rules.lecture import State

    with here.ledger() as ledger, bar("Packaging", 1.0, report) as advance:

        def done() -> State | None:
            finishing = (here.status() or {}).get("finishing") or {}
            if finishing.get("lecture") == lecture:
                advance(float(finishing["fraction"]))
            state = find_lecture(ledger, lecture).state
            demand_alive(here)
            return None if state is State.FINISHING else state

        state = wait_for(done, FINISHED_S)
        found = find_lecture(ledger, lecture)
    if state is None or state is State.FAILED:
        raise Failure(
            Exit.FAILED if state else Exit.TIMEOUT,
            "not-packaged",
            found.reason or f"lecture {lecture} is not packaged yet",
            f"edge-agent lectures show {lecture}",
        )
    folder = here.spool.package(lecture)
    total = sum(file.stat().st_size for file in folder.iterdir())
    report.say(f"Package {folder} ({size(total)})")
    return {"state": str(state), "package": str(folder)}


@app.command()
def pause(context: typer.Context, as_json: AsJson = False) -> None:
    """Write nothing until resumed. The pause is marked in the lecture."""
    _press(context, "pause", "Paused; go on with: edge-agent record resume", as_json)


@app.command()
def resume(context: typer.Context, as_json: AsJson = False) -> None:
    """Go on after a pause, in the same lecture."""
    _press(context, "resume", "Recording again", as_json)


@app.command()
def mute(context: typer.Context, as_json: AsJson = False) -> None:
    """Privacy: black pictures and silence, in recording and preview, until unmuted."""
    _press(context, "mute", "Muted; show the room again with: edge-agent record unmute", as_json)


@app.command()
def unmute(context: typer.Context, as_json: AsJson = False) -> None:
    """Show and record the room again."""
    _press(context, "unmute", "The room is seen and heard again", as_json)


def _press(context: typer.Context, verb: str, words: str, as_json: bool) -> None:
    with reporting(f"record.{verb}", as_json) as report:
        report.data = ask(room(context), verb, {})
        report.say(words)


@app.command()
def mark(
    context: typer.Context,
    text: str = typer.Argument("", help="What to remember this moment by."),
    as_json: AsJson = False,
) -> None:
    """Mark this moment; it stands in the manifest."""
    with reporting("record.mark", as_json) as report:
        report.data = ask(room(context), "mark", {"text": text})
        report.say("Marked")


@app.command("status")
def record_status(context: typer.Context, as_json: AsJson = False) -> None:
    """Is something being recorded, and is it on the disk?"""
    with reporting("record.status", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        facts = here.status() or {"lecture": None, "tracks": {}}
        muted = bool(facts.get("muted"))
        report.data = {"lecture": facts["lecture"], "muted": muted, "tracks": facts["tracks"]}
        report.say(lecture_line(facts["lecture"]))
        if muted:
            report.warn(MUTED)
        if facts["lecture"]:
            report.say(*(f"  {line}" for line in track_lines(facts["tracks"])))
