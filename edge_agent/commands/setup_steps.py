"""What `edge-agent setup` does, step by step: each is whole in itself, and harmless to repeat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from edge_agent.accounts import Account, account_of
from edge_agent.commands.checks_devices import closed
from edge_agent.commands.checks_machine import zone_of
from edge_agent.commands.finding import Ask, Command, Finding, State, ask
from edge_agent.commands.mending import Run, perform
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.upload_test import MARKS

TARGET = "edge-agent.target"
#: A destination that answers slowly, and a receipt that takes its time.
PROBE_S = 180.0
_STATE_MARKS = {State.OK: "✓", State.NOTE: "!", State.WRONG: "✗"}


@dataclass(frozen=True, slots=True)
class Step:
    """`words` say what it does, for a dry run too; `act` raises Failure when it cannot.

    One that `looks` only looks in a dry run.
    """

    name: str
    words: str
    act: Callable[[], None]
    looks: bool = False


@dataclass(frozen=True, slots=True)
class Pc:
    """The PC as far as it is not the room: systemd, files of the system, who we are."""

    ask: Ask = ask
    run: Run = perform
    root: Path = Path("/")
    account: Account | None = None

    def shut_devices(self) -> list[Finding]:
        """What is plugged in, and cannot be seen by whoever sets the room up."""
        return closed(self.root, self._who)

    @property
    def is_root(self) -> bool:
        return self._who.uid == 0

    @property
    def _who(self) -> Account:
        return self.account or account_of(os.geteuid())

    @property
    def zone(self) -> str:
        return zone_of(self.root)

    @property
    def booted(self) -> bool:
        """systemd is there when the PC was booted with it, not when its commands are."""
        return (self.root / "run/systemd/system").is_dir()


@dataclass(frozen=True, slots=True)
class Units:
    """What systemd has of ours. `known` is None where it is not there."""

    known: Sequence[Mapping[str, str]] | None
    root: bool
    elsewhere: str = ""

    @property
    def obstacle(self) -> str:
        """Why nothing can be done with them here; empty when it can."""
        if self.elsewhere:
            return self.elsewhere
        if self.known is None:
            return (
                "systemd is not there: have your own supervisor run edge-agent run, "
                "edge-agent upload run, edge-agent panel run"
            )
        missing = [unit["Id"] for unit in self.known if unit.get("LoadState") != "loaded"]
        if missing or not self.known:
            return f"not installed: {', '.join(missing) or 'the units'}; see docs/it.md"
        return "" if self.root else "only root may start services: sudo edge-agent setup"

    def commands(self, changed: Iterable[str]) -> list[Command]:
        """What starts them with the PC and now; `changed` are those that must begin anew."""
        known = self.known or ()
        names = [unit["Id"] for unit in known]
        idle = [
            unit["Id"]
            for unit in known
            if unit.get("UnitFileState") != "enabled" or unit.get("ActiveState") != "active"
        ]
        anew = [name for name in names if name in set(changed) and name not in idle]
        commands: list[Command] = []
        if idle:
            commands.append(("systemctl", "enable", "--now", TARGET, *names))
        if anew:
            commands.append(("systemctl", "restart", *anew))
        return commands


def walk(steps: Iterable[Step], report: Report, dry_run: bool) -> None:
    """Do them in order. An interruption says what is done; a failed step ends it."""
    told: list[dict[str, str]] = report.data["steps"]
    for step in steps:
        if dry_run:
            told.append({"step": step.name, "state": "would", "words": step.words})
            report.say(f"would: {step.words}")
            if step.looks:
                step.act()
            continue
        report.say(f"- {step.words}")
        try:
            step.act()
        except (KeyboardInterrupt, typer.Abort):
            raise interrupted([each["step"] for each in told], step.name) from None
        told.append({"step": step.name, "state": "done", "words": step.words})


def interrupted(done: Sequence[str], during: str = "") -> Failure:
    """Before the first step nothing has changed."""
    what = f"done are: {', '.join(done)}" if done else "nothing was changed"
    where = f" during: {during};" if during else ";"
    return Failure(
        Exit.INTERRUPTED,
        "interrupted",
        f"interrupted{where} {what}",
        "run the same again: what is done already is left as it is",
    )


@contextmanager
def as_services(account: Account) -> Iterator[None]:
    """A child under the services' account. What it may not run, they may not run either."""
    try:
        yield
    except PermissionError:
        raise Failure(
            Exit.NOT_PERMITTED,
            "services-may-not-run",
            f"{account.name}, who is to record, may not run {sys.executable}",
            "install it where everybody may read: /opt/edge-agent, with the system's Python",
        ) from None


@contextmanager
def part(report: Report, name: str) -> Iterator[Report]:
    """A report within the report: what is said is said, its data stand under `name`."""
    mine = Report(name, report.as_json)
    try:
        yield mine
    finally:
        report.data[name] = mine.data
        report.warnings += mine.warnings
        if mine.exit is not Exit.OK:
            report.exit = mine.exit


def run_all(commands: Iterable[Command], run: Run) -> None:
    """Raises Failure with the first complaint."""
    for command in commands:
        if fault := run(command):
            raise Failure(
                Exit.FAILED,
                "step-failed",
                f"{' '.join(command)}: {fault}",
                "mend that, then run the same again",
            )


def tell(findings: Iterable[Finding], report: Report) -> None:
    report.data = []
    for each in findings:
        report.data.append({"state": str(each.state), "message": each.what, "fix": each.fix})
        report.say(f"  {_STATE_MARKS[each.state]} {each.what}")
        if each.fix:
            report.say(f"    next: {each.fix}")
        if each.state is State.WRONG:
            report.exit = Exit.FINDINGS


def probe(main: Path, name: str, account: Account, report: Report) -> None:
    """`edge-agent upload test NAME` as the upload itself will run, with its rights."""
    command = [sys.executable, "-m", "edge_agent.cli", "--config", str(main)]
    try:
        with as_services(account):
            done = subprocess.run(
                [*command, "upload", "test", name, "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROBE_S,
                check=False,
                **account.as_child(),
            )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        report.exit = Exit.FINDINGS
        report.warn(f"{name} gave no answer; try it: edge-agent upload test {name}")
        return
    report.data = answer["data"]
    for each in answer["data"] or []:
        for found in each["findings"]:
            report.say(f"  {MARKS[found['verdict']]} {found['promise']:<12} {found['words']}")
        report.say(f"  {each['meaning']}")
    if error := answer.get("error"):
        report.warn(f"{name}: {error['message']}; next: {error['hint']}")
    if not answer["ok"]:
        report.exit = Exit.FINDINGS
