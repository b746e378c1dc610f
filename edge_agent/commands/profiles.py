"""`edge-agent profile …`: what the agent knows about devices, and a room's own words on them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.words import table

if TYPE_CHECKING:
    from device_profiles.own import Known
    from device_profiles.profile import Profile

app = typer.Typer(help="What is known about cameras and microphones.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option(help="The room's own profiles, if not in /etc/edge-agent/profiles.")
]


@app.command("list")
def list_(folder: Folder = None, as_json: AsJson = False) -> None:
    """All profiles; the room's go before ours. Those with mistakes are told, and not used."""
    with reporting("profile.list", as_json) as report:
        known = _known(folder, report)
        report.data = [
            {"name": p.name, "kind": p.kind, "role": p.role, "title": p.title, "own": p.own}
            for p in known.profiles
        ]
        rows = [
            (p.name, p.role or p.kind, "the room" if p.own else "", p.title) for p in known.profiles
        ]
        report.say(*table(("NAME", "FOR", "FROM", "WHAT"), rows))


@app.command("show")
def show(
    name: str = typer.Argument(metavar="NAME", help="As `profile list` names it."),
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One profile: for whom, what is asked, controls with their reasons, oddities, sources."""
    with reporting("profile.show", as_json) as report:
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

    with reporting("profile.check", as_json) as report:
        where = folder or OWN_FOLDER
        if file is not None:
            good, mistakes = _checked(file)
        else:
            known = load_known(where)
            good = [profile for profile in known.profiles if profile.own]
            mistakes = list(known.mistakes)
        for profile in good:
            mistakes += _unsettable(profile)
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


def _checked(file: Path) -> tuple[list[Profile], list[str]]:
    from device_profiles.own import read_profile
    from device_profiles.profile import ProfileError

    try:
        return [read_profile(file)], []
    except ProfileError as error:
        return [], [str(error)]


def _unsettable(profile: Profile) -> list[str]:
    """Controls that no camera would be asked to set."""
    from capture.v4l2_controls import NUMBERS

    return [
        f"{profile.name}.toml: controls.{control.name} cannot be set; "
        f"write one of {', '.join(sorted(NUMBERS))}"
        for control in profile.controls
        if control.name not in NUMBERS
    ]


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
    lines += [f"  note: {quirk}" for quirk in profile.quirks]
    lines += [f"  source: {source}" for source in profile.sources]
    return lines


def _asked(profile: Profile) -> str:
    size = f"{profile.size[0]}×{profile.size[1]}" if profile.size else ""
    rate = f"{profile.fps:g}/s" if profile.fps else ""
    channels = f"{profile.channels} channels" if profile.channels else ""
    return " ".join(filter(None, (", ".join(profile.formats), size, rate, channels)))
