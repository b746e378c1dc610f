"""`edge-agent lectures verify|export`: is a package whole, and a copy of it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import find_lecture, room
from edge_agent.commands.words import size

_ID = typer.Argument(
    metavar="ID",
    help='An id, its unique beginning or end, or "last".',
    autocompletion=completing.lectures,
)


def verify(
    context: typer.Context,
    target: str = typer.Argument(
        metavar="ID|FOLDER",
        help="A lecture or a package's folder.",
        autocompletion=completing.lectures,
    ),
    as_json: AsJson = False,
) -> None:
    """Read every byte of a package and compare it with its manifest."""
    with reporting("lectures.verify", as_json) as report:
        folder = package_of(context, target)
        problems = verified(folder, report)
        if not problems:
            report.say(f"{folder} is whole")


def package_of(context: typer.Context, target: str) -> Path:
    """The folder that is meant: a path, or the package of a lecture."""
    if "/" in target or Path(target).is_dir():
        if not Path(target).is_dir():
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-folder",
                f"there is no folder {target}",
                "see the lectures with: edge-agent lectures list",
            )
        return Path(target)
    here = room(context)
    with here.ledger() as ledger:
        lecture = find_lecture(ledger, target)
    folder = here.spool.package(lecture.id)
    if not folder.is_dir():
        raise Failure(
            Exit.WRONG_STATE,
            "no-package",
            f"lecture {lecture.id} is {lecture.state} and has no package",
            f"edge-agent lectures show {lecture.id}",
        )
    return folder


def verified(folder: Path, report: Report) -> list[dict[str, str]]:
    """The problems of a package; they become the command's findings."""
    from edge_agent.verify import verify_package

    problems = [{"file": p.file, "what": p.what} for p in verify_package(folder)]
    report.data = {"folder": str(folder), "problems": problems}
    for problem in problems:
        report.say(f"{problem['file']} {problem['what']}")
    if problems:
        report.exit = Exit.FINDINGS
        report.note(
            "next:  take the copy at the destination, or keep this one aside and tell your IT staff"
        )
    return problems


def export(
    context: typer.Context,
    lecture_id: Annotated[str, _ID],
    to: Annotated[Path, typer.Option(help="An existing folder; the copy becomes one in it.")],
    as_json: AsJson = False,
) -> None:
    """Copy a finished lecture to a folder or stick, and verify the copy."""
    with reporting("lectures.export", as_json) as report:
        source = package_of(context, lecture_id)
        if not to.is_dir():
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-folder",
                f"there is no folder {to}",
                "plug the stick in, or make the folder, then export again",
            )
        copy = to / source.parent.name
        total = _copy(source, copy, report)
        if not verified(copy, report):
            report.say(f"{copy} is whole ({size(total)})")


def _copy(source: Path, copy: Path, report: Report) -> int:
    """Copy the files of a package as a destination would: resumable and read back."""
    from edge_agent import __version__
    from edge_agent.clock import SystemClock
    from edge_agent.commands.progress import bar
    from edge_agent.verify import file_sha256
    from uploader.folder import FolderDestination
    from uploader.sender import Artifact, SendError

    files = sorted(source.iterdir())
    total = sum(file.stat().st_size for file in files)
    utc = SystemClock().now().utc_text
    there = FolderDestination(copy.parent, f"edge-agent {__version__}", lambda: utc)
    done = 0
    with bar("Copying", float(total or 1), report) as advance:
        for file in files:
            artifact = Artifact(file.name, file.stat().st_size, file_sha256(file))
            try:
                there.send(copy.name, artifact, file, partial(_advance, advance, done))
            except SendError as error:
                raise Failure(
                    Exit.FAILED, "not-copied", error.reason, "then export again; it goes on"
                ) from error
            done += artifact.bytes
    return total


def _advance(bar: Callable[[float], None], before: int, _phase: str, done: int) -> None:
    bar(float(before + done))
