"""`edge-agent profile …`: what the agent knows about devices, and a room's own words on them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands import profile_changing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.words import table

if TYPE_CHECKING:
    from device_profiles.own import Known
    from device_profiles.profile import Profile
    from device_profiles.room_profile import KnownRooms, RoomProfile

app = typer.Typer(help="Profiles of devices, and of rooms.", no_args_is_help=True)
app.command()(profile_changing.apply)
app.command()(profile_changing.new)
Folder = Annotated[
    Path | None, typer.Option(help="The room's own profiles, if not in /etc/edge-agent/profiles.")
]


@app.command("list")
def list_(folder: Folder = None, as_json: AsJson = False) -> None:
    """All profiles; the room's go before ours. Those with mistakes are told, and not used."""
    with reporting("profile.list", as_json) as report:
        known, rooms = _known(folder, report), _rooms(folder, report)
        report.data = [
            {"name": p.name, "kind": "room", "role": None, "title": p.title, "own": p.own}
            for p in rooms.profiles
        ] + [
            {"name": p.name, "kind": p.kind, "role": p.role, "title": p.title, "own": p.own}
            for p in known.profiles
        ]
        rows = [
            (p["name"], p["role"] or p["kind"], "the room" if p["own"] else "", p["title"])
            for p in report.data
        ]
        report.say(*table(("NAME", "FOR", "FROM", "WHAT"), rows))


@app.command("show")
def show(
    name: str = typer.Argument(metavar="NAME", help="As `profile list` names it."),
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One profile: for whom, what is asked, controls with reasons, oddities; a room's places."""
    with reporting("profile.show", as_json) as report:
        rooms = {room.name: room for room in _rooms(folder, report).profiles}
        if name in rooms:
            report.data = asdict(rooms[name]) | {"kind": "room"}
            report.say(*_room_lines(rooms[name]))
            return
        profile = _find(name, _known(folder, report))
        report.data = asdict(profile)
        report.say(*_lines(profile))


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="One profile; else all of the room.")] = None,
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Read the room's own profiles and tell every mistake. Exit code 3 if there is one."""
    from device_profiles.own import OWN_FOLDER, load_known
    from device_profiles.room_profile import load_rooms

    with reporting("profile.check", as_json) as report:
        where = folder or OWN_FOLDER
        good: list[Profile | RoomProfile]
        if file is not None:
            good, mistakes = _checked(file)
        else:
            known, rooms = load_known(where), load_rooms(where / "rooms")
            good = [each for each in known.profiles if each.own]
            good += [each for each in rooms.profiles if each.own]
            mistakes = [*known.mistakes, *rooms.mistakes]
        for profile in good:
            mistakes += _unusable(profile)
        report.data = {"checked": [profile.name for profile in good], "mistakes": mistakes}
        for profile in good:
            report.say(f"read: {profile.name} – {profile.title}")
        for mistake in mistakes:
            report.say(f"wrong: {mistake}")
        if mistakes:
            report.exit = Exit.FINDINGS
        elif not good:
            report.say(f"no profile of the room in {where}")


def _known(folder: Path | None, report: Report) -> Known:
    from device_profiles.own import OWN_FOLDER, load_known

    known = load_known(folder or OWN_FOLDER)
    for mistake in known.mistakes:
        report.warn(f"left out: {mistake}")
    return known


def _find(name: str, known: Known) -> Profile:
    for profile in known.profiles:
        if profile.name == name:
            return profile
    raise Failure(
        Exit.NOT_FOUND,
        "profile-unknown",
        f"no profile {name!r}",
        "see all of them with: edge-agent profile list",
    )


def _rooms(folder: Path | None, report: Report) -> KnownRooms:
    from device_profiles.own import OWN_FOLDER
    from device_profiles.room_profile import load_rooms

    known = load_rooms((folder or OWN_FOLDER) / "rooms")
    for mistake in known.mistakes:
        report.warn(f"left out: {mistake}")
    return known


def _checked(file: Path) -> tuple[list[Profile | RoomProfile], list[str]]:
    """A file of either kind: its own word says which."""
    from device_profiles.own import read_profile
    from device_profiles.profile import ProfileError
    from device_profiles.room_profile import is_room, read_room

    try:
        room = file.is_file() and is_room(file.read_text("utf-8", "replace"))
        return [read_room(file) if room else read_profile(file)], []
    except ProfileError as error:
        return [], [str(error)]


def _unusable(profile: Profile | RoomProfile) -> list[str]:
    """Controls that no camera would be asked to set; keys that the configuration would refuse."""
    from capture.v4l2_controls import NUMBERS
    from device_profiles.room_profile import RoomProfile
    from edge_agent.commands.room_profiles import mistakes

    if isinstance(profile, RoomProfile):
        return mistakes(profile)
    return [
        f"{profile.name}.toml: controls.{control.name} cannot be set; "
        f"write one of {', '.join(sorted(NUMBERS))}"
        for control in profile.controls
        if control.name not in NUMBERS
    ]


def _room_lines(profile: RoomProfile) -> list[str]:
    from edge_agent.commands.config_words import plain_text

    whose = "the room's own" if profile.own else "of this package"
    lines = [f"{profile.title} ({profile.name}, {whose})"]
    for place in profile.places:
        needed = "" if place.needed else ", if there is one"
        keys = ", ".join(f"{key} {plain_text(value)}" for key, value in place.track.items())
        lines.append(f"  {place.name}: {place.role}{needed}{f': {keys}' if keys else ''}")
    for name, values in profile.set.items():
        lines += [f"  sets {name}.{key} = {plain_text(v)}" for key, v in values.items()]
    return [*lines, *(f"  note: {note}" for note in profile.notes)]


def _lines(profile: Profile) -> list[str]:
    whose = "the room's own" if profile.own else "of this package"
    lines = [f"{profile.title} ({profile.name}, {whose})"]
    facts: dict[str, Any] = {
        "for": profile.role or profile.kind,
        "serial numbers": ", ".join(profile.serials),
        "products": ", ".join(profile.usb),
        "names with": ", ".join(profile.names),
        "offering": ", ".join(profile.offers),
        "asked for": _asked(profile),
    }
    lines += [f"  {key}: {value}" for key, value in facts.items() if value]
    for control in profile.controls:
        lines.append(f"  sets {control.name} = {control.value}: {control.why}")
    for preset in profile.presets:
        looks = ", ".join(f"{name} {value}" for name, value in preset.values)
        lines.append(f"  preset {preset.name}: {looks}")
    lines += [f"  note: {quirk}" for quirk in profile.quirks]
    lines += [f"  source: {source}" for source in profile.sources]
    return lines


def _asked(profile: Profile) -> str:
    size = f"{profile.size[0]}×{profile.size[1]}" if profile.size else ""
    rate = f"{profile.fps:g}/s" if profile.fps else ""
    channels = f"{profile.channels} channels" if profile.channels else ""
    return " ".join(filter(None, (", ".join(profile.formats), size, rate, channels)))
