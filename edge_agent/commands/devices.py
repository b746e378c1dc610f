"""`edge-agent devices …`: what is plugged in, what is known of it, what people say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Annotated, Any

import typer

from edge_agent.commands import (
    completing,
    device_network,
    device_preset,
    device_rules,
    device_test,
    device_watch,
)
from edge_agent.commands.device_facts import Entry, find, identity_of, plugged_in
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import room
from edge_agent.commands.status import track_lines
from edge_agent.commands.words import table
from edge_agent.places import KeyPath

app = typer.Typer(help="Cameras, microphones and screens.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Device = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A node, an identity, or a name.",
        autocompletion=completing.devices,
    ),
]


app.command("test")(device_test.try_)
app.command()(device_watch.watch)
app.command()(device_rules.rules)
app.command()(device_network.network)
app.command()(device_preset.preset)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """What is plugged in. The ID is what stands as "device" in the configuration."""
    from edge_agent.commands.looking import list_devices

    with reporting("devices.list", as_json) as report:
        report.data = plugged_in(room(context), list_devices())
        if not report.data:
            report.say("no camera, microphone or screen found")
            report.note("next:  plug one in, then: edge-agent devices list")
            return
        rows = [(d["kind"], d["id"], _what(d), d["where"], _use(d)) for d in report.data]
        report.say(*table(("KIND", "ID", "WHAT", "WHERE", "TRACK"), rows))


def _what(it: Entry) -> str:
    return f"{it['called']} ({it['name']})" if it["called"] else str(it["name"])


def _use(it: Entry) -> str:
    return it["used_by"] or ("(ignored)" if it["ignored"] else "")


@app.command()
def show(context: typer.Context, target: Device, as_json: AsJson = False) -> None:
    """One device with all that is known: identity, profile, modes, controls, its track."""
    from edge_agent.commands.looking import controls_of, list_devices

    with reporting("devices.show", as_json) as report:
        here = room(context)
        it = find(plugged_in(here, list_devices()), target)
        controls = controls_of(it["id"]) if it["kind"] == "v4l2" else {"controls": []}
        if "error" in controls:
            report.warn(f"its controls cannot be read: {controls['error']}")
        tracks = (here.status() or {"tracks": {}})["tracks"]
        track = tracks.get(it["used_by"])
        planned = _planned(it["profile"], report)
        report.data = it | {
            "controls": [each | planned.get(each["name"], {}) for each in controls["controls"]],
            "track": track,
        }
        report.say(*_lines(report.data))
        if track is not None:
            report.say(*track_lines({it["used_by"]: track}))


def _planned(profile: str, report: Report) -> dict[str, dict[str, Any]]:
    """What the device's profile sets, and why."""
    from device_profiles.own import load_known

    known = load_known()
    for mistake in known.mistakes:
        report.warn(f"profile left out: {mistake}")
    found = next((each for each in known.profiles if each.name == profile), None)
    controls = found.controls if found else ()
    return {each.name: {"profile_sets": each.value, "why": each.why} for each in controls}


def _lines(it: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_what(dict(it))}   {it['kind']}"
    unasked = "never, it is ignored" if it["ignored"] else "yes, in a room without tracks"
    for key, text in (
        ("id", it["id"]),
        ("identity", it["identity"]),
        ("where", it["where"]),
        ("usb", it["usb"]),
        ("profile", it["profile"]),
        ("track", it["used_by"]),
        ("unasked", unasked),
    ):
        if text:
            yield f"  {key:<9} {text}"
    if it["modes"]:
        yield "Modes"
        for head, modes in groupby(it["modes"], lambda mode: mode.rpartition(" ")[0]):
            rates = ", ".join(mode.rpartition(" ")[2].removesuffix("/s") for mode in modes)
            yield f"  {head}  {rates}/s"
    if it["controls"]:
        yield "Controls"
        yield from (_control(each) for each in it["controls"])


def _control(it: Mapping[str, Any]) -> str:
    value = "?" if it["value"] is None else it["value"]
    line = f"  {it['name']:<28} {value} ({it['low']} to {it['high']}, at first {it['default']})"
    if not it["settable"]:
        line += ", not to be set now"
    return line + (f"; profile: {it['profile_sets']}, {it['why']}" if "why" in it else "")


@app.command()
def name(
    context: typer.Context,
    target: Device,
    called: Annotated[str, typer.Argument(metavar="NAME", help='"" takes the name away.')],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a device a name, which stays with its serial number or its socket."""
    with reporting("devices.name", as_json) as report:
        if called != called.strip() or not called.isprintable():
            raise Failure(
                Exit.USAGE,
                "bad-name",
                f"{called!r} is no name: it has spaces around it or signs that cannot be seen",
                'for example: edge-agent devices name /dev/video0 "Lectern camera"',
            )
        _say_of(context, target, {"name": called}, report, dry_run)


@app.command()
def ignore(
    context: typer.Context,
    target: Device,
    undo: Annotated[bool, typer.Option("--undo", help="It may be used again.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Never use a device unasked; a track that names it still does."""
    with reporting("devices.ignore", as_json) as report:
        _say_of(context, target, {"ignore": not undo}, report, dry_run)


def _say_of(
    context: typer.Context, target: str, said: Mapping[str, Any], report: Report, dry_run: bool
) -> None:
    """Write it into the configuration, in the file that says something of this device already."""
    from edge_agent.commands import config_steps as steps
    from edge_agent.commands.config_texts import edited
    from edge_agent.commands.looking import list_devices

    identity = identity_of(plugged_in(room(context), list_devices()), target)
    desk = steps.desk(context)
    with steps.changing(desk, dry_run):
        wanted: dict[KeyPath, Any] = {
            ("devices", identity, key): value for key, value in said.items()
        }
        steps.carry_out(desk, desk.plan(edited(desk, wanted)), report, dry_run)
    report.data |= {"identity": identity}
