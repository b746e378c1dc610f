"""`edge-agent upload stick …`: sticks that carry lectures to the platform and back."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import config, room
from edge_agent.commands.words import size

if TYPE_CHECKING:
    from edge_agent.config import StickDestination

app = typer.Typer(help="Sticks that carry lectures to the platform and back.", no_args_is_help=True)

READ_ME = """\
This stick carries recorded lectures to the platform of an institution, and
its acknowledgements back to the room where they were recorded.

If you have found it: please give it back to the institution.
What is on it stands in rooms/.../LECTURES.txt. Please change nothing here.
"""


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """The sticks that are in, what is on them, and whether they may be taken out."""
    from uploader.keys import Key
    from uploader.stick_files import find, marker_at

    with reporting("stick.list", as_json) as report:
        report.data = []
        for name, place in _places(context).items():
            keys = [Key.of(text) for text in place.receipt_keys]
            for root in find(place.path):
                marker = marker_at(root)
                if marker is None:
                    continue
                report.data.append(
                    {
                        "destination": name,
                        "folder": str(root),
                        "stick": marker.stick,
                        "label": marker.label,
                        "ours": marker.is_for(keys),
                        "being_written": _is_held(root),
                        "free": shutil.disk_usage(root).free,
                        "files": len(list(root.glob("rooms/*/*/*"))),
                    }
                )
        report.say(*map(_line, report.data))
        if not report.data:
            report.say(
                "no prepared stick is in; prepare one with: edge-agent upload stick prepare FOLDER"
            )


def _line(each: dict[str, Any]) -> str:
    state = "being written, leave it in" if each["being_written"] else "safe to remove"
    if not each["ours"]:
        state = "for another platform, not touched"
    what = f"{each['files']} files, {size(each['free'])} free"
    return f"{each['label']} ({each['stick']})  {each['folder']}  {what}  {state}"


@app.command()
def prepare(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the stick is mounted.")],
    label: Annotated[str, typer.Option(help="What stands on it, such as 'Stick 3'.")] = "",
    destination: Annotated[
        str, typer.Option(help="For which destination, if there are several.")
    ] = "",
    unmounted: Annotated[
        bool, typer.Option("--unmounted", help="Take a plain folder, too, that is no stick.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a stick one of ours, once. What is on it stays."""
    from edge_agent.durable import write_durably
    from uploader.keys import Key
    from uploader.stick_files import marker_at
    from uploader.stick_index import MARKER, Marker

    with reporting("stick.prepare", as_json) as report:
        place = _place(context, destination)
        if not folder.is_dir():
            raise Failure(
                Exit.NOT_FOUND,
                "no-folder",
                f"{folder} is not there",
                "plug the stick in and mount it",
            )
        if not folder.is_mount() and not unmounted:
            raise Failure(
                Exit.WRONG_STATE,
                "not-mounted",
                f"no stick is mounted at {folder}: this is the computer's own disk",
                "mount the stick there, or name the folder where it is mounted",
            )
        known = marker_at(folder)
        if known is not None and not known.is_for(map(Key.of, place.receipt_keys)):
            raise Failure(
                Exit.WRONG_STATE,
                "other-platform",
                f"the stick {known.label} is for another platform",
                f"if it is yours, remove {folder / MARKER} and prepare it again",
            )
        if known is None:
            stick = secrets.token_hex(4)
            known = Marker(stick, label or f"Stick {stick}", tuple(place.receipt_keys))
            (folder / "READ-ME.txt").write_text(READ_ME, newline="\r\n")
            write_durably(folder / MARKER, known.text())
        report.data = {"folder": str(folder), "stick": known.stick, "label": known.label}
        report.say(f"{known.label} ({known.stick}) is ready: finished lectures are copied onto it")


@app.command()
def key(context: typer.Context, as_json: AsJson = False) -> None:
    """This room's public key, for those who run the platform."""
    from edge_agent.room_key import room_key
    from uploader.sender import Transient
    from uploader.stick_files import Room

    with reporting("stick.key", as_json) as report:
        here = room(context)
        if os.geteuid() != here.spool.root.stat().st_uid:
            raise Failure(
                Exit.NOT_PERMITTED,
                "not-permitted",
                "only the agent's user may read the room's key",
                "run: sudo -u edge-agent edge-agent upload stick key",
            )
        try:
            public = Room(here.name, room_key(here.spool.key), "").public
        except Transient as error:
            hint = "then once more: edge-agent upload stick key"
            raise Failure(Exit.FAILED, "no-key", error.reason, hint) from None
        report.data = {"room": here.name, "key": public.text}
        report.say(public.text)


def _places(context: typer.Context) -> dict[str, StickDestination]:
    """Raises Failure when there are none."""
    from edge_agent.config import StickDestination

    every = config(context).destinations.items()
    found = {name: place for name, place in every if isinstance(place, StickDestination)}
    if not found:
        raise Failure(
            Exit.WRONG_STATE,
            "no-stick-destination",
            "the configuration has no destination of the type stick",
            "add one as docs/config.sample.toml shows",
        )
    return found


def _place(context: typer.Context, name: str) -> StickDestination:
    places = _places(context)
    if name in places or (not name and len(places) == 1):
        return places[name or next(iter(places))]
    raise Failure(
        Exit.USAGE,
        "which-destination",
        f"there is no stick destination {name!r}" if name else "there are several destinations",
        f"name one with --destination: {', '.join(places)}",
    )


def _is_held(root: Path) -> bool:
    """Is the upload writing there at this moment? Between two files all is synced."""
    from uploader.stick_index import MARKER

    with (root / MARKER).open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
