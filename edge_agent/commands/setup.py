"""`edge-agent setup`: from nothing to a room in service, by questions or without any.

Every answer goes through the checks of `edge-agent config`; what is done already is left alone, so
that it can be repeated. A recording is never touched.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import config_option

Device = typer.Option(metavar="ID|auto|none", autocompletion=completing.devices)
Refused = typer.Option(hidden=True)
_UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))


def setup(
    context: typer.Context,
    answers_file: Annotated[
        Path | None, typer.Option("--answers", help="A TOML file with answers; - is a pipe.")
    ] = None,
    room: Annotated[str | None, typer.Option(help="As people call it.")] = None,
    institution: Annotated[str | None, typer.Option(help="Whose room it is.")] = None,
    zone: Annotated[str | None, typer.Option(help="Such as Asia/Phnom_Penh.")] = None,
    language: Annotated[str | None, typer.Option(help="Of the panel: en, km, ar…")] = None,
    lecture_language: Annotated[str | None, typer.Option(help="Spoken in lectures.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="A profile of a room, from edge-agent profile list.",
            autocompletion=completing.rooms,
        ),
    ] = None,
    camera: Annotated[str | None, Device] = None,
    slides: Annotated[str | None, Device] = None,
    microphone: Annotated[str | None, Device] = None,
    backup: Annotated[str | None, Device] = None,
    destination: Annotated[str | None, typer.Option(help="A name for where to send.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Of the destination: folder, tus, s3…")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Of the destination.")] = None,
    path: Annotated[str | None, typer.Option(help="Of a destination that is a folder.")] = None,
    credential: Annotated[str | None, typer.Option(help="The name of its credential.")] = None,
    secrets_from_stdin: Annotated[
        bool, typer.Option("--secrets-from-stdin", help="Lines NAME=VALUE through a pipe.")
    ] = False,
    units: Annotated[
        bool | None, typer.Option("--units/--no-units", help="Start the services with the PC.")
    ] = None,
    test_seconds: Annotated[
        float | None, typer.Option(help="Length of the test recording; 0: none.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing.")] = False,
    pin: Annotated[str | None, Refused] = None,
    token: Annotated[str | None, Refused] = None,
    password: Annotated[str | None, Refused] = None,
    secret: Annotated[str | None, Refused] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a room into service: name, devices, destination, services, test recording, doctor."""
    from edge_agent.commands import setup_answers as given
    from edge_agent.commands.setup_room import RoomSetup

    with reporting("setup", as_json) as report:
        refused = {"pin": pin, "token": token, "password": password, "secret": secret}
        given.refuse_secrets({k: v for k, v in refused.items() if v is not None}, "an option")
        table: dict[str, Any] = {
            "name": destination,
            "type": kind,
            "url": url,
            "path": path,
            "credential": credential,
        }
        flags = given.Answers(
            room=room,
            institution=institution,
            zone=zone,
            language=language,
            lecture_language=lecture_language,
            profile=profile,
            camera=camera,
            slides=slides,
            microphone=microphone,
            backup=backup,
            destination={key: value for key, value in table.items() if value is not None},
            units=units,
            test_seconds=test_seconds,
        )
        given.check(flags)
        if answers_file is not None and secrets_from_stdin and str(answers_file) == "-":
            raise given.bad_answers(["answers and secrets cannot both come through one pipe"])
        if answers_file is not None:
            flags = given.over(flags, _read(answers_file))
        secrets = given.secrets_of(sys.stdin.read()) if secrets_from_stdin else {}
        asks = not (no_input or as_json or secrets_from_stdin or str(answers_file) == "-")
        asks = asks and sys.stdin.isatty() and sys.stderr.isatty()
        _demand_folder(context, dry_run)
        RoomSetup.of(config_option(context), report, dry_run).go(flags, secrets, asks)


def _read(file: Path) -> Any:
    from edge_agent.commands.config_steps import read
    from edge_agent.commands.setup_answers import bad_answers, from_file

    try:
        return from_file(read(file).decode(), str(file))
    except UnicodeDecodeError:
        raise bad_answers([f"{file}: this is not UTF-8 text; save it as UTF-8"]) from None


def _demand_folder(context: typer.Context, dry_run: bool) -> None:
    """Root on a PC where the services are installed means them, also before they were configured.

    The folder is what tells everybody's commands that this PC runs the service.
    """
    from edge_agent.places import SERVICE_FOLDER

    named = config_option(context) is not None or "EDGE_AGENT_CONFIG" in os.environ
    installed = any((folder / "edge-agent.service").exists() for folder in _UNIT_FOLDERS)
    if named or dry_run or os.geteuid() != 0 or not installed:
        return
    try:
        SERVICE_FOLDER.mkdir(mode=0o755, exist_ok=True)
    except OSError as error:
        raise Failure(
            Exit.FAILED, "no-folder", f"{SERVICE_FOLDER}: {error.strerror}", "look at the disk"
        ) from None
