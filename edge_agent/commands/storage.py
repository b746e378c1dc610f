"""`edge-agent storage …`: is what the ledger says true of the disk?"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands import storage_space
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import Room, room, say_if_down

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger
    from edge_agent.recovery import Recovery

app = typer.Typer(help="The disk that lectures are kept on.", no_args_is_help=True)
app.command()(storage_space.show)
app.command()(storage_space.prune)


@app.command()
def check(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Compare sizes, not every byte.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Adopt or set aside; the agent must be stopped.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger and disk. Exit code 3 when they disagree.

    Without --repair nothing is changed; it says what a repair would do.
    """
    from edge_agent.storage_check import findings, gather

    with reporting("storage.check", as_json) as report:
        here = room(context)
        say_if_down(here, report)
        repairs = _repaired(here) if repair else _would_repair(here)
        status = here.status()
        recording = None
        if status is not None:
            tracks = status["tracks"].items()
            recording = frozenset(name for name, it in tracks if it["phase"] == "recording")
        with here.ledger() as ledger:
            facts = gather(here.spool, ledger, recording, hashes=not fast)
        found = findings(facts)
        aside = sum(path.is_file() for path in here.spool.aside.glob("*"))
        report.data = {
            "lectures": len(facts.lectures),
            "aside": aside,
            "segments": sum(len(each.segments) for each in facts.lectures),
            "findings": [asdict(each) for each in found],
            "repairs": [{"where": where, "what": what, "done": repair} for where, what in repairs],
        }
        word = "repaired" if repair else "with --repair"
        report.say(*(f"{word}: {where}: {what}" for where, what in repairs))
        for each in found:
            report.say(f"{each.invariant}  {each.where}: {each.what}", f"    next: {each.hint}")
        if aside:
            files = "1 file" if aside == 1 else f"{aside} files"
            report.say(
                f"{files} in aside/ could not be used and stays there;"
                " the events of its lecture say why: edge-agent lectures show LECTURE"
            )
        if found:
            report.exit = Exit.FINDINGS
        else:
            how = "sizes" if fast else "every byte"
            report.say(f"{len(facts.lectures)} lectures, {how} compared: all is well")


def _would_repair(here: Room) -> list[tuple[str, str]]:
    """Where a repair would do what. A running agent repairs by itself."""
    from edge_agent.clock import SystemClock

    if here.alive():
        return []
    with here.ledger() as ledger:
        steps = _recovery(here, ledger).repairs(SystemClock().now())
        return [(step.where, step.what) for step in steps]


def _repaired(here: Room) -> list[tuple[str, str]]:
    """Do it, through the code that the agent uses at its start. AlreadyRunning if there is one."""
    from edge_agent.clock import SystemClock
    from edge_agent.ledger_rescue import open_ledger
    from edge_agent.locks import only_agent
    from edge_agent.orphans import wait_for_orphans

    demand_owner(here, "edge-agent storage check --repair")
    done = []
    with only_agent(here.runtime.agent_lock, here.spool.root):
        wait_for_orphans(here.runtime)
        now = SystemClock().now()
        ledger = open_ledger(here.spool, now)
        try:
            for step in _recovery(here, ledger).repairs(now):
                step.do()
                done.append((step.where, step.what))
        finally:
            ledger.close()
    return done


def _recovery(here: Room, ledger: Ledger) -> Recovery:
    from datetime import timedelta

    from edge_agent.recovery import Recovery

    return Recovery(here.spool, ledger, timedelta(0))


def demand_owner(here: Room, command: str) -> None:
    """Files that root makes, the agent could not use."""
    root = here.spool.root
    if not root.is_dir():
        raise Failure(
            Exit.NOT_FOUND,
            "no-spool",
            f"there is no folder {root}",
            "see which one is used with: edge-agent config show",
        )
    if root.stat().st_uid != os.geteuid():
        raise Failure(
            Exit.NOT_PERMITTED,
            "not-owner",
            f"{root} belongs to another user",
            f"sudo -u {root.owner()} {command}",
        )
