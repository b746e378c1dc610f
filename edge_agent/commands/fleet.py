"""`edge-agent fleet …`: many rooms from one desk, over ssh or by what a broker keeps of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands.fleet_broker import Wish, ask
from edge_agent.commands.fleet_broker import desk as make_desk
from edge_agent.commands.fleet_words import facts, tell
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.words import table

if TYPE_CHECKING:
    from edge_agent.fleet.inventory import Room
    from edge_agent.fleet.reach import Result
    from edge_agent.rules.fleet import Standing, Word

app = typer.Typer(help="Look at many rooms and change them.", no_args_is_help=True)

Inventory = Annotated[
    Path | None,
    typer.Option(help="The file with the rooms; else $EDGE_AGENT_FLEET or the usual places."),
]
Rooms = Annotated[str, typer.Option("--rooms", help="Only these, with commas between.")]
Site = Annotated[str, typer.Option(help="Only rooms of this site.")]
Broker = Annotated[
    str,
    typer.Option(help="Ask this MQTT broker instead of the rooms; inventory: that of its file."),
]
BrokerUser = Annotated[str, typer.Option(help="Who this desk is to the broker.")]
BrokerPassword = Annotated[
    Path | None, typer.Option(help="A file with its password, for your eyes alone.")
]
BrokerCa = Annotated[Path | None, typer.Option(help="Authorities besides the system's (PEM).")]
Parallel = Annotated[int, typer.Option(min=1, max=64, help="So many rooms at a time.")]
#: For one room's answer: a status over a bad link, and a command that changes something.
ASK_S, RUN_S = 30.0, 300.0


@app.command("list")
def list_(
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    broker: Broker = "",
    broker_user: BrokerUser = "",
    broker_password: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    as_json: AsJson = False,
) -> None:
    """The rooms of the inventory, or those that a broker knows."""
    with reporting("fleet.list", as_json) as report:
        if broker:
            wish = Wish(broker, broker_user, broker_password, broker_ca)
            with make_desk(wish, inventory, rooms, site) as desk:
                places = [it.room.split("/", 1) for it in ask(desk)]
            report.data = [{"room": room, "site": at} for at, room in sorted(places)]
            report.say(*table(("ROOM", "SITE"), [(room, at) for at, room in sorted(places)]))
            return
        found = _rooms(inventory, rooms, site)
        report.data = [{"room": it.name, "host": it.host, "site": it.site} for it in found]
        report.say(*table(("ROOM", "SITE", "HOST"), [(it.name, it.site, it.host) for it in found]))


@app.command()
def status(
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    parallel: Parallel = 8,
    broker: Broker = "",
    broker_user: BrokerUser = "",
    broker_password: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    as_json: AsJson = False,
) -> None:
    """One line a room, worst first. Exit code 3 when a room needs somebody."""
    with reporting("fleet.status", as_json) as report:
        from edge_agent.rules.fleet import Rank

        if broker:
            wish = Wish(broker, broker_user, broker_password, broker_ca)
            with make_desk(wish, inventory, rooms, site) as desk:
                standings = ask(desk)
        else:
            standings = _standings(_rooms(inventory, rooms, site), parallel)
        report.data = [facts(each) for each in standings]
        tell(report, standings)
        if any(each.rank <= Rank.WILL_LOSE for each in standings):
            report.exit = Exit.FINDINGS


@app.command()
def page(
    to: Annotated[Path, typer.Option(help="The HTML file, replaced as a whole each time.")],
    every: Annotated[
        int, typer.Option(min=0, help="Again after so many seconds, until told to stop; 0: once.")
    ] = 0,
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    parallel: Parallel = 8,
    broker: Broker = "",
    broker_user: BrokerUser = "",
    broker_password: BrokerPassword = None,
    broker_ca: BrokerCa = None,
) -> None:
    """A tile for each room on one page, worst first, for a browser or a wall."""
    with reporting("fleet.page") as report:

        def write(standings: list[Standing]) -> None:
            _write_page(to, standings, every or 60, site, report)

        if broker:
            wish = Wish(broker, broker_user, broker_password, broker_ca)
            with make_desk(wish, inventory, rooms, site) as desk:
                write(ask(desk))
                while every:
                    write(desk.standings(every))
            return
        found = _rooms(inventory, rooms, site)
        write(_standings(found, parallel))
        while every:
            time.sleep(every)
            write(_standings(found, parallel))


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    words: Annotated[list[str], typer.Argument(metavar="COMMAND...")],
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    parallel: Parallel = 8,
    as_json: AsJson = False,
) -> None:
    """Any edge-agent command in many rooms: fleet run -- lectures list --state failed."""
    with reporting("fleet.run", as_json) as report:
        from edge_agent.fleet.reach import Ssh, everywhere

        found = _rooms(inventory, rooms, site)
        report.data = []
        for each in everywhere(Ssh(RUN_S), found, words, parallel):
            _add(report, each)
        if any(each["status"] != 0 for each in report.data):
            report.exit = Exit.FINDINGS


@app.command()
def push(
    file: Annotated[Path, typer.Argument(help="A whole configuration; - reads it from a pipe.")],
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    canary: Annotated[int, typer.Option(min=0, help="Only the first so many rooms.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Apply a configuration room by room; stop at the first room that refuses it."""
    with reporting("fleet.push", as_json) as report:
        from edge_agent.fleet.reach import Ssh

        found, data = _rooms(inventory, rooms, site), _read(file)
        ssh, words = Ssh(RUN_S), ["config", "apply", "-", *(["--dry-run"] if dry_run else [])]
        report.data = []
        for room in found[: canary or None]:
            result = ssh(room, words, data)
            _add(report, result)
            if result.status != 0:
                left = len(found[: canary or None]) - len(report.data)
                raise Failure(
                    Exit.FAILED,
                    "room-refused",
                    f"{room.name} did not take it, so {left} rooms were not asked",
                    f"take it back where it was taken with: edge-agent fleet run --rooms "
                    f"{','.join(it['room'] for it in report.data[:-1]) or 'ROOM'} "
                    "-- config rollback",
                )


def _rooms(inventory: Path | None, names: str, site: str) -> list[Room]:
    """At least one. Raises Failure, ConfigError."""
    from edge_agent.fleet.inventory import chosen, place, read

    file = place(inventory, os.environ)
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    try:
        found = chosen(read(file), wanted, site)
    except KeyError as error:
        raise Failure(
            Exit.NOT_FOUND,
            "no-such-room",
            f"{file} has no room {error.args[0]!r}",
            "see them with: edge-agent fleet list",
        ) from None
    if not found:
        raise Failure(
            Exit.NOT_FOUND, "no-rooms", f"{file} names no such rooms", "edge-agent fleet list"
        )
    return found


def _write_page(to: Path, standings: list[Standing], every: int, site: str, report: Report) -> None:
    from edge_agent.fleet.page import page as document
    from edge_agent.whole_files import replace

    at = datetime.now().astimezone()
    replace(to, document(standings, at, every, site))
    report.note(f"{to} is as of {at:%H:%M:%S}")


def _standings(rooms: list[Room], parallel: int) -> list[Standing]:
    """Every room asked, worst first."""
    from edge_agent.fleet.reach import Ssh, everywhere
    from edge_agent.rules.fleet import ranked

    results = everywhere(Ssh(ASK_S), rooms, ["status", "--json"], parallel)
    return ranked([_word(each) for each in results])


def _word(result: Result) -> Word:
    """A room's answer is foreign text until it has been looked at."""
    from edge_agent.rules.fleet import Word
    from edge_agent.rules.foreign import read_json

    name = result.room.name
    if result.trouble:
        return Word(name, trouble=result.trouble)
    try:
        document = read_json(result.out)
    except ValueError:
        document = None
    data = document.get("data") if isinstance(document, dict) else None
    if isinstance(data, Mapping):
        return Word(name, data)
    said = result.err.strip().splitlines()[-1:] or ["its answer is no status of an edge-agent"]
    return Word(name, trouble=said[0][:200])


def _add(report: Report, result: Result) -> None:
    """One room's result, for people and for scripts, as soon as it is there."""
    report.data.append(
        {
            "room": result.room.name,
            "status": result.status,
            "out": result.out,
            "err": result.err,
            "trouble": result.trouble,
        }
    )
    text = result.trouble or (result.out + result.err).strip() or f"status {result.status}"
    report.say(*(f"{result.room.name}: {line}" for line in text.splitlines()))


def _read(file: Path) -> bytes:
    """Raises OSError."""
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
