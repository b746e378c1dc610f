"""`edge-agent lectures …`: what was recorded. Reads the ledger; works when the agent is down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from edge_agent.commands import completing, lecture_bin, lecture_copies, lecture_repair
from edge_agent.commands.asking import ask
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import find_lecture, room, say_if_down
from edge_agent.commands.words import clock, local, size, table

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger
    from edge_agent.rows import Lecture, OutboxRow

app = typer.Typer(help="List, inspect, verify and export lectures.", no_args_is_help=True)
app.command()(lecture_copies.verify)
app.command()(lecture_copies.export)
app.command()(lecture_repair.repair)
app.command()(lecture_bin.delete)
app.command()(lecture_bin.restore)

_ID = typer.Argument(
    metavar="ID",
    help='An id, its unique beginning or end, or "last".',
    autocompletion=completing.lectures,
)
#: Lecture time of the press of record; shown times count from it.
_NS = 1_000_000_000


@app.command("list")
def list_(
    context: typer.Context,
    state: str = typer.Option("", help="Only lectures in this state."),
    in_bin: bool = typer.Option(False, "--bin", help="Only those that were deleted."),
    as_json: AsJson = False,
) -> None:
    """All lectures of this room, oldest first."""
    from edge_agent.rules.lecture import State

    with reporting("lectures.list", as_json) as report:
        if state and state not in list(State):
            raise Failure(
                Exit.USAGE, "bad-state", f"no state {state!r}", f"one of {', '.join(State)}"
            )
        here = room(context)
        say_if_down(here, report)
        with here.ledger() as ledger:
            every = ledger.lectures(*([State(state)] if state else []))
            bin_ = {row.lecture: row.deleted_utc for row in ledger.bin()}
        found = [it for it in every if (it.id in bin_) is in_bin]
        report.data = [_facts(it) | {"deleted_utc": bin_.get(it.id)} for it in found]
        if not found:
            where = " in the bin" if in_bin else ""
            report.say("no lectures" + (f" that are {state}" if state else "") + where)
            return
        rows = [
            (x.id, x.state, local(x.started_utc)[:16], clock(x.duration_s), x.title, x.reason)
            for x in found
        ]
        report.say(*table(("ID", "STATE", "STARTED", "LENGTH", "TITLE", ""), rows))


#: What is said of a lecture's small versions; those that are made stand among the files.
_SMALL = {
    "wanted": "versions for thin links and phones are made while the room is at rest",
    "failed": "versions for thin links and phones could not be made; see the events",
}


def _facts(lecture: Lecture) -> dict[str, Any]:
    return lecture.columns() | {"state": str(lecture.state)}


@app.command()
def show(context: typer.Context, lecture_id: str = _ID, as_json: AsJson = False) -> None:
    """One lecture: tracks, gaps, files, delivery, what happened."""
    with reporting("lectures.show", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id)
            folder = here.spool.package(lecture.id)
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            deleted = {row.lecture: row.deleted_utc for row in ledger.bin()}
            report.data = _facts(lecture) | {
                "deleted_utc": deleted.get(lecture.id),
                "package": str(folder) if files else None,
                "files": [{"name": f.name, "bytes": f.stat().st_size} for f in files],
                "tracks": [_track(ledger, lecture, t.columns()) for t in ledger.tracks(lecture.id)],
                "gaps": [gap.columns() for gap in ledger.gaps(lecture.id)],
                "marks": [mark.columns() for mark in ledger.marks(lecture.id)],
                "events": [event.columns() for event in ledger.events(lecture.id)],
                "delivery": [_delivery(row) for row in ledger.outbox(lecture.id)],
            }
        report.say(*_lines(report.data))


def _track(ledger: Ledger, lecture: Lecture, track: dict[str, Any]) -> dict[str, Any]:
    segments = [s for s in ledger.segments(lecture.id) if s.track == track["name"]]
    recorded_ns = sum(s.end_ns - s.start_ns for s in segments)
    return track | {
        "segments": len(segments),
        "segment_bytes": sum(s.bytes for s in segments),
        "segment_seconds": recorded_ns / _NS,
    }


def _delivery(row: OutboxRow) -> dict[str, Any]:
    return row.columns() | {"receipt": dict(row.receipt) if row.receipt else None}


def _lines(it: dict[str, Any]) -> list[str]:
    lines = [
        f"{it['title'] or '(no title)'}   {it['state']}   {it['id']}",
        *[f"  {key:<9} {it[key]}" for key in ("course", "lecturer", "language") if it[key]],
        f"  {'started':<9} {local(it['started_utc'])} (clock {it['clock_trust']})",
        f"  {'ended':<9} {local(it['ended_utc'])}",
        f"  {'length':<9} {clock(it['duration_s'])}",
    ]
    if it["reason"]:
        lines.append(f"  {'reason':<9} {it['reason']}")
    if it["deleted_utc"]:
        lines.append(f"  {'deleted':<9} {local(it['deleted_utc'])}, in the bin")
    if it["renditions"] in _SMALL:
        lines.append(f"  {'small':<9} {_SMALL[it['renditions']]}")
    if it["package"]:
        lines.append(f"Package {it['package']}")
        lines += [f"  {f['name']:<20} {size(f['bytes']):>10}" for f in it["files"]]
    lines.append("Tracks")
    for track in it["tracks"]:
        pending = f", {track['segments']} segments" if track["segments"] else ""
        lines.append(f"  {track['name']:<12} {track['flavor']:<20} {track['device']}{pending}")
        if heard := _sound_line(track):
            lines.append(f"  {'':<12} {heard}")
    for heading, entries in (
        ("Gaps", [_gap_line(gap) for gap in it["gaps"]]),
        ("Marks", [f"{clock(_seconds(m['at_ns']))}  {m['text']}" for m in it["marks"]]),
        ("Events", [_event_line(event) for event in it["events"]]),
        ("Delivery", [_delivery_line(row) for row in it["delivery"]]),
    ):
        if entries:
            lines += [heading, *(f"  {entry}" for entry in entries)]
    return lines


def _sound_line(track: dict[str, Any]) -> str:
    """How a microphone's track sounds, as far as it is known."""
    known = (
        ("loudness_lufs", "{:.1f} LUFS"),
        ("true_peak_dbtp", "peak {:.1f} dBTP"),
        ("speech_ratio", "speech {:.0%}"),
        ("drift_ppm", "clock {:+.0f} ppm"),
    )
    return ", ".join(text.format(track[name]) for name, text in known if track[name] is not None)


def _seconds(lecture_ns: int) -> float:
    from edge_agent.rules.timeline import START_NS

    return (lecture_ns - START_NS) / _NS


def _gap_line(gap: dict[str, Any]) -> str:
    end = "still open" if gap["end_ns"] is None else clock(_seconds(gap["end_ns"]))
    return f"{clock(_seconds(gap['start_ns']))} to {end}  {gap['track'] or 'all'}: {gap['cause']}"


def _event_line(event: dict[str, Any]) -> str:
    track = f" {event['track']}" if event["track"] else ""
    return f"{local(event['utc'])}{track}  {event['kind']}: {event['text']}"


def _delivery_line(row: dict[str, Any]) -> str:
    if row["receipt"]:
        told = f"delivered {local(row['delivered_utc'])}"
    elif row["last_error"]:
        told = f"waiting, {row['attempts']} tries: {row['last_error']}"
    else:
        told = "waiting"
    return f"{row['destination']}  {row['name']:<20} {told}"


@app.command()
def retry(context: typer.Context, lecture_id: str = _ID, as_json: AsJson = False) -> None:
    """Finish a failed lecture again, after its cause is mended."""
    with reporting("lectures.retry", as_json) as report:
        here = room(context)
        with here.ledger() as ledger:
            lecture = find_lecture(ledger, lecture_id)
        report.data = ask(here, "retry", {"lecture": lecture.id})
        report.say(f"Finishing {lecture.id} again; see: edge-agent lectures show {lecture.id}")
