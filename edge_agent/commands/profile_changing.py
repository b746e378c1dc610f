"""`edge-agent profile apply|new`: a room's way of recording, from a profile or made into one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, reporting

if TYPE_CHECKING:
    from device_profiles.room_profile import RoomProfile
    from edge_agent.config import Config

Folder = Annotated[
    Path | None, typer.Option(help="The room's own profiles, if not in /etc/edge-agent/profiles.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="In small letters: lecture-hall.")]


def apply(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Of a room, as `profile list` has it.",
            autocompletion=completing.rooms,
        ),
    ],
    folder: Folder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the room record as a profile says, with what is plugged in; what it has not goes."""
    from edge_agent.commands import config_steps as steps
    from edge_agent.commands.config_texts import edited
    from edge_agent.commands.room_profiles import laid_over
    from edge_agent.commands.setup_found import candidates_of, listed, modes_of
    from edge_agent.config import validated

    with reporting("profile.apply", as_json) as report:
        profile = room_profile(name, folder)
        desk = steps.desk(context)
        rows = listed(report)
        with steps.changing(desk, dry_run):
            written = desk.written()
            found = candidates_of(rows, validated(written))
            tracks = written.values.get("tracks", {})
            wanted = laid_over(profile, found, tracks, modes_of(rows))
            for note in wanted.notes:
                report.warn(note)
            plan = desk.plan(edited(desk, wanted.values, wanted.gone))
            steps.carry_out(desk, plan, report, dry_run)


def new(
    context: typer.Context,
    name: Name,
    title: Annotated[str, typer.Option(help="What it is called.")] = "",
    folder: Folder = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also when there is one of this name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a profile from this room's tracks; without any, from what is plugged in."""
    from device_profiles.own import OWN_FOLDER
    from device_profiles.room_profile import parse_room
    from edge_agent.commands.config_steps import desk
    from edge_agent.config import to_toml, validated
    from edge_agent.durable import make_folder_durably, write_durably

    with reporting("profile.new", as_json) as report:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name):
            raise Failure(
                Exit.USAGE,
                "bad-name",
                f"{name!r} is no name: small letters, digits and '-', a letter first",
                "such as: edge-agent profile new lecture-hall",
            )
        place = (folder or OWN_FOLDER) / "rooms" / f"{name}.toml"
        if place.exists() and not replace:
            raise Failure(
                Exit.WRONG_STATE,
                "profile-exists",
                f"{place} is there already",
                "choose another name, or use --replace",
            )
        table = profile_of_room(validated(desk(context).written()), title or f"As {name}")
        text = to_toml(table)
        parse_room(name, text, own=True)
        make_folder_durably(place.parent)
        write_durably(place, text.encode(), mode=0o644)
        report.data = {"name": name, "file": str(place), "profile": table}
        report.say(text.rstrip("\n"), f"written as {place}")
        report.say(f"use it in a room like this one: edge-agent profile apply {name}")


def profile_of_room(config: Config, title: str) -> dict[str, Any]:
    """The table of a profile that records as this room does. Raises Failure."""
    from edge_agent.commands.looking import chosen_tracks
    from edge_agent.rules.stand_in import is_backup

    tracks = config.tracks or chosen_tracks()
    if not tracks:
        raise Failure(
            Exit.DEVICE,
            "no-tracks",
            "nothing is configured and nothing is plugged in, so there is nothing to make it from",
            "plug devices in, then: edge-agent setup",
        )
    sources: dict[str, Any] = {}
    main = False
    for name, track in tracks.items():
        plain = track.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        if track.kind == "v4l2":
            slides = track.flavor.startswith("presentation/")
            head: dict[str, Any] = {"role": "grabber" if slides else "camera"}
        elif track.kind == "microphone" and is_backup(track.flavor):
            head = {"role": "backup"}
        elif track.kind == "microphone" and not main:
            head, main = {"role": "microphone"}, True
        else:
            head = {"role": "fixed", "kind": track.kind, "device": _told(name, track.device)}
        rest = {key: v for key, v in plain.items() if key not in ("kind", "device")}
        sources[name] = {**head, **rest}
    return {"kind": "room", "title": title, "sources": sources}


def room_profile(name: str, folder: Path | None) -> RoomProfile:
    """Raises Failure."""
    from device_profiles.own import OWN_FOLDER
    from device_profiles.room_profile import load_rooms

    known = load_rooms((folder or OWN_FOLDER) / "rooms")
    for profile in known.profiles:
        if profile.name == name:
            return profile
    names = ", ".join(profile.name for profile in known.profiles)
    wrong = [mistake for mistake in known.mistakes if mistake.startswith(f"{name}.toml:")]
    raise Failure(
        Exit.NOT_FOUND,
        "profile-unknown",
        wrong[0] if wrong else f"no profile of a room {name!r}; there are: {names}",
        "see all of them with: edge-agent profile list",
    )


def _told(name: str, device: str) -> str:
    """An address with a password in it must not get into a file that everybody may read."""
    if "@" in device.split("://", 1)[-1].split("/")[0] and "://" in device:
        raise Failure(
            Exit.WRONG_STATE,
            "secret-in-device",
            f"the address of {name} has a password in it, which does not belong into a profile",
            "write the profile by hand, without that track",
        )
    return device
