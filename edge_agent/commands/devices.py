"""`edge-agent devices …`: what is plugged in, and does it work?"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.status import track_lines
from edge_agent.commands.words import level, table

app = typer.Typer(help="Cameras, microphones and screens.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """What is plugged in. The ID is what stands as "device" in the configuration."""
    from edge_agent.commands.looking import list_devices

    with reporting("devices.list", as_json) as report:
        here = room(context)
        used = {
            t["device"]: name for name, t in (here.status() or {"tracks": {}})["tracks"].items()
        }
        report.data = [each | {"used_by": used.get(each["id"], "")} for each in list_devices()]
        if not report.data:
            report.say("no camera, microphone or screen found")
            report.note("next:  plug one in, then: edge-agent devices list")
            return
        rows = [(d["kind"], d["id"], d["name"], d["where"], d["used_by"]) for d in report.data]
        report.say(*table(("KIND", "ID", "WHAT", "WHERE", "TRACK"), rows))


@app.command("test")
def try_(
    context: typer.Context,
    target: str = typer.Argument(
        metavar="ID|TRACK",
        help="A device, or a configured track.",
        autocompletion=completing.tracks,
    ),
    seconds: float = typer.Option(3.0, min=0.5, max=60.0, help="How long to watch it."),
    save: Annotated[Path | None, typer.Option(help="Keep a picture as this JPEG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open a device for some seconds: mode, rate, level, a picture."""
    with reporting("devices.test", as_json) as report:
        here = room(context)
        held = _held_by_agent(here, target)
        if held is not None:
            _tell_held(held, save, report)
        else:
            _try(_spec(context, target), seconds, save, report)


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


def _spec(context: typer.Context, target: str) -> dict[str, Any]:
    """What to open: a configured track, or a device as it is listed."""
    from edge_agent.commands.looking import list_devices

    tracks = config(context).tracks
    if target in tracks:
        chosen = {"kind", "device", "size", "fps", "format", "options"}
        return tracks[target].model_dump(include=chosen)
    for each in list_devices():
        if target in (each["id"], each["identity"]):
            return {"kind": each["kind"], "device": each["id"]}
    raise Failure(
        Exit.DEVICE,
        "device-missing",
        f"no device and no track {target!r}",
        "see what is plugged in with: edge-agent devices list",
        retryable=True,
    )


def _try(spec: Mapping[str, Any], seconds: float, save: Path | None, report: Report) -> None:
    from edge_agent.commands.looking import try_device

    verdict = try_device(spec, seconds)
    picture = base64.b64decode(verdict.pop("jpeg"))
    report.data = verdict | {"held_by_agent": False}
    report.say(verdict["description"])
    if verdict["media"] == "video":
        report.say(
            f"{verdict['width']}×{verdict['height']} {verdict['codec']}, "
            f"{verdict['per_second']:g} pictures a second"
        )
    else:
        report.say(f"loudest {level(verdict['peak'])}")
        if verdict["peak"] <= -90:
            report.exit = Exit.FINDINGS
            report.warn("no sound: is it muted, switched off, or its transmitter out of battery?")
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
