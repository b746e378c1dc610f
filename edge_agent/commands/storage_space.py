"""`edge-agent storage show|prune`: what the disk is used for, and what may leave it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.commands.asking import ask, demand_alive
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, room, say_if_down
from edge_agent.commands.words import local, size, table
from edge_agent.rules.stock import USES, Held, freed, prunable, use_of

#: What arrived everywhere stays so long unless people say otherwise.
OLDER_DAYS = 30


def show(context: typer.Context, as_json: AsJson = False) -> None:
    """What is used by what, and how much pruning would free."""
    with reporting("storage.show", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        held = _held(here)
        disk = shutil.disk_usage(here.spool.root)
        by_use: dict[str, int] = {
            use: sum(it.bytes for it in held if use_of(it) == use) for use in USES
        }
        by_use["other"] = _other(here)
        now = _now()
        report.data = {
            "total_bytes": disk.total,
            "free_bytes": disk.free,
            "uses": by_use,
            "prunable_bytes": freed(prunable(held, now, timedelta(days=OLDER_DAYS), bin_too=False)),
            "arrived_bytes": by_use["arrived"],
            "bin_bytes": by_use["bin"],
            "lectures": [_document(it) for it in held if it.bytes],
        }
        report.say(f"Disk       {size(disk.free)} free of {size(disk.total)}")
        report.say(*(f"{WORDS[use]:<34} {size(count):>10}" for use, count in by_use.items()))
        report.say(
            f"edge-agent storage prune frees {size(report.data['prunable_bytes'])} (arrived more "
            f"than {OLDER_DAYS} days ago), with --bin {size(by_use['bin'])} more"
        )


WORDS = {
    "under way": "Being recorded or finished",
    "failed": "Failed: needs you",
    "waiting": "Packaged, not arrived everywhere",
    "arrived": "Arrived everywhere",
    "bin": "In the bin",
    "other": "Ledger, set aside, and other files",
}


def prune(
    context: typer.Context,
    older_than: Annotated[
        float, typer.Option(min=0, help="Days since the lecture ended.", metavar="DAYS")
    ] = OLDER_DAYS,
    bin_too: Annotated[bool, typer.Option("--bin", help="Also all that is in the bin.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what; do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take lectures off this PC that have arrived everywhere; never one that has not."""
    with reporting("storage.prune", as_json) as report:
        here = room(context)
        held = _held(here)
        chosen = prunable(held, _now(), timedelta(days=older_than), bin_too=bin_too)
        report.data = {
            "dry_run": dry_run,
            "freed_bytes": freed(chosen),
            "lectures": [_document(it) for it in chosen],
        }
        if not chosen:
            report.say(f"nothing to prune: no lecture arrived more than {older_than:g} days ago")
            return
        _tell(chosen, report)
        if dry_run:
            report.say(f"{size(freed(chosen))} would be freed; nothing has been done (dry run)")
            return
        demand_alive(here)
        _confirm(chosen, yes)
        _purge(here, chosen, report)


def _purge(here: Room, chosen: Iterable[Held], report: Report) -> None:
    """One after the other: what is refused meanwhile (somebody restored it) stops no other."""
    report.data |= {"purged": [], "refused": []}
    for it in chosen:
        try:
            ask(here, "purge", {"lecture": it.lecture, "bin": it.binned})
        except Failure as error:
            if error.exit != Exit.WRONG_STATE:
                raise
            report.warn(f"{it.lecture} stays: {error.message}")
            report.data["refused"].append(it.lecture)
            report.exit = Exit.FINDINGS
        else:
            report.data["purged"].append(it.lecture)
    done = set(report.data["purged"])
    report.data["freed_bytes"] = freed(it for it in chosen if it.lecture in done)
    report.say(
        f"{len(done)} lectures leave this PC, {size(report.data['freed_bytes'])}; their files go "
        "while nothing is recorded"
    )


def _confirm(chosen: list[Held], yes: bool) -> None:
    """Raises Failure where nobody can be asked, typer.Abort when the answer is no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Failure(
            Exit.USAGE,
            "needs-yes",
            f"{len(chosen)} lectures would leave this PC for good",
            "say so with --yes, or look first with --dry-run",
        )
    typer.confirm(f"Take {len(chosen)} lectures off this PC for good?", abort=True, err=True)


def _tell(chosen: Iterable[Held], report: Report) -> None:
    rows = [
        (it.lecture, "in the bin" if it.binned else it.state, local(it.ended_utc), size(it.bytes))
        for it in chosen
    ]
    report.say(*table(("ID", "STATE", "ENDED", "SIZE"), rows))


def _held(here: Room) -> list[Held]:
    """Each lecture with what lies of it on the disk."""
    with here.ledger() as ledger:
        binned = ledger.binned()
        waiting = {row.lecture for row in ledger.outbox() if row.receipt is None}
        return [
            Held(
                lecture=it.id,
                state=it.state,
                ended_utc=it.ended_utc,
                bytes=_size(here.spool.lecture(it.id)),
                binned=it.id in binned,
                waiting=it.id in waiting or it.renditions == "wanted" or it.edits > it.edits_done,
                title=it.title,
            )
            for it in ledger.lectures()
        ]


def _document(it: Held) -> Mapping[str, Any]:
    return {
        "id": it.lecture,
        "title": it.title,
        "state": str(it.state),
        "ended_utc": it.ended_utc,
        "bytes": it.bytes,
        "in_bin": it.binned,
        "use": use_of(it),
    }


def _size(folder: Path) -> int:
    """What the disk has given for it; a file with two names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # it went while we looked
        seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def _other(here: Room) -> int:
    return sum(
        _size(path) if path.is_dir() else path.lstat().st_blocks * 512
        for path in here.spool.root.iterdir()
        if path != here.spool.lectures and path.name != "lost+found"
    )


def _now() -> Any:
    from edge_agent.clock import SystemClock

    return SystemClock().now().utc
