"""`edge-agent devices test`: open a device for some seconds and say what it is good for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.device_facts import find, plugged_in
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.status import track_lines


def try_(
    context: typer.Context,
    target: str = typer.Argument(
        metavar="ID|TRACK",
        help="A device, or a configured track.",
        autocompletion=completing.tracks,
    ),
    seconds: float = typer.Option(
        3.0, min=0.5, max=600.0, help="How long to watch it; a clock's error needs 75."
    ),
    save: Annotated[Path | None, typer.Option(help="Keep a picture as this JPEG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a device for some seconds: what it really gives, and whether that is good enough."""
    with reporting("devices.test", as_json) as report:
        here = room(context)
        held = _held_by_agent(here, target)
        if held is not None:
            _tell_held(held, save, report)
        else:
            _try(_spec(context, here, target), seconds, save, report)


def _held_by_agent(here: Room, target: str) -> dict[str, Any] | None:
    """The agent's word on a device that it holds: nobody else can open it now."""
    facts = here.status()
    for name, track in (facts["tracks"] if facts else {}).items():
        held = track["phase"] in ("armed", "recording", "finishing")
        if held and target in (name, track["device"]):
            return {"track": name, **track}
    return None


def _tell_held(held: dict[str, Any], save: Path | None, report: Report) -> None:
    report.data = held | {"held_by_agent": True}
    report.say("the agent holds this device and reports:")
    report.say(*track_lines({held["track"]: held}))
    if save is not None:
        preview = Path(held["preview"]) if held["preview"] else None
        if preview is None or not preview.is_file():
            raise _no_picture()
        _save(save, preview.read_bytes(), report)


def _spec(context: typer.Context, here: Room, target: str) -> dict[str, Any]:
    """What to open: a configured track, or a device as it is listed."""
    from edge_agent.commands.looking import list_devices

    tracks = config(context).tracks
    if target in tracks:
        chosen = {"kind", "device", "size", "fps", "format", "options"}
        return tracks[target].model_dump(include=chosen)
    found = find(plugged_in(here, list_devices()), target)
    return {"kind": found["kind"], "device": found["id"]}


def _try(spec: Mapping[str, Any], seconds: float, save: Path | None, report: Report) -> None:
    from edge_agent.commands.looking import try_device
    from edge_agent.commands.verdict import Tried, remarks, sentences, worst

    answer = try_device(spec, seconds)
    picture = base64.b64decode(answer.pop("jpeg"))
    tried = Tried(**{name: answer[name] for name in Tried.__dataclass_fields__})
    found = remarks(tried)
    report.data = answer | {
        "held_by_agent": False,
        "verdict": worst(found),
        "remarks": [{"grade": it.grade, "text": it.text, "hint": it.hint} for it in found],
    }
    report.say(answer["description"])
    if tried.media == "video":
        report.say(f"{answer['width']}×{answer['height']} {answer['codec']}")
    report.say(*sentences(tried))
    for it in found:
        if it.grade == "good":
            report.say(it.text)
        else:
            report.warn(it.text)
            report.note(f"next:  {it.hint}")
    if worst(found) == "bad":
        report.exit = Exit.FINDINGS
    if save is not None:
        if not picture:
            raise _no_picture()
        _save(save, picture, report)


def _save(path: Path, picture: bytes, report: Report) -> None:
    path.write_bytes(picture)
    report.say(f"picture saved as {path}")


def _no_picture() -> Failure:
    return Failure(
        Exit.USAGE,
        "no-picture",
        "this device gives no picture to save",
        "leave out --save, or test a camera",
    )
