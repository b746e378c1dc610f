"""`edge-agent report`: what those who help have to know of a room, in one file, without secrets."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.logs import UNITS
from edge_agent.commands.output import AsJson, Failure, reporting
from edge_agent.commands.room import Room, config_option, room_of
from edge_agent.commands.words import size
from edge_agent.places import ConfigError

if TYPE_CHECKING:
    from edge_agent.clock import Clock
    from edge_agent.redaction import Redactor

EVENTS = 500
LECTURES = 100
LOG_LINES = 3000
#: No part is larger; of the log it is the end that counts.
MOST_BYTES = 1 << 20
_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result,ExecMainStatus"
_ABOUT = """Made by edge-agent report, to be sent to those who help with this room.

Taken out: credentials, passwords and queries in addresses, options with such names, titles,
courses, lecturers. Not in it at all: recordings, previews, keys, paired tablets. Look through it
before you send it: it has the names of this room, its devices and its servers.
"""
Ask = Callable[[list[str]], str | None]
#: What can go wrong while one part is gathered; the others still are.
_FAULTS = (OSError, sqlite3.Error, ConfigError, Failure, ValueError)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a report is made from."""

    room: Room
    file: Path | None
    env: Mapping[str, str]
    clock: Clock
    ask: Ask


def report(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; else a new file here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pack what those who help need to know into one file, without secrets."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.finding import ask
    from edge_agent.durable import write_durably

    with reporting("report", as_json) as answer:
        file = config_option(context)
        ground = Ground(room_of(file), file, os.environ, SystemClock(), ask)
        parts = gather(ground)
        at = ground.clock.now().utc
        place = output or Path(f"edge-agent-report-{at:%Y%m%dT%H%M%SZ}.tar.gz")
        data = packed(parts, int(at.timestamp()))
        write_durably(place.absolute(), data, mode=0o600)
        answer.data = {"file": str(place), "bytes": len(data), "parts": sorted(parts)}
        answer.say(f"{place}  {size(len(data))}: {', '.join(sorted(parts))}")
        answer.note("secrets are taken out; look through it before you send it to anybody")


def gather(ground: Ground) -> dict[str, bytes]:
    """The parts by name, redacted and bounded. What cannot be had says why."""
    redactor = _redactor(ground)
    parts = {"README.txt": _ABOUT.encode()}
    for name, make in _PARTS.items():
        try:
            made: Any = make(ground)
        except _FAULTS as error:
            made = f"could not be had: {error}"
        if isinstance(made, str):
            text, name = redactor.text(made), f"{name}.txt"
        else:
            text, name = (
                json.dumps(redactor.values(made), indent=1, ensure_ascii=False),
                f"{name}.json",
            )
        parts[name] = _bounded(text.encode(errors="replace"))
    return parts


def packed(parts: Mapping[str, bytes], at: int) -> bytes:
    """One archive, for its owner's eyes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in parts.items():
            info = tarfile.TarInfo(f"edge-agent-report/{name}")
            info.size, info.mode, info.mtime = len(data), 0o600, at
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _bounded(data: bytes) -> bytes:
    """The end of it; never the half of a line, in which half of a secret might stand."""
    if len(data) <= MOST_BYTES:
        return data
    return b"(the beginning is left out)\n" + data[-MOST_BYTES:].partition(b"\n")[2]


def _redactor(ground: Ground) -> Redactor:
    """Knows every credential that this user may read, and what the configuration has itself."""
    from edge_agent.redaction import Redactor, secrets_in

    known = secrets_in(ground.room.written.values)
    folders = [ground.room.written.main.parent / "credentials"]
    if given := ground.env.get("CREDENTIALS_DIRECTORY"):
        folders.append(Path(given))
    for folder in folders:
        known |= set(_secrets_of(folder))
    return Redactor(known)


def _secrets_of(folder: Path) -> Iterator[str]:
    from edge_agent.secrets import MOST_BYTES as LARGEST

    try:
        files = [each for each in folder.iterdir() if each.is_file()]
    except OSError:
        return
    for file in files:
        try:
            with file.open("rb") as opened:
                yield from opened.read(LARGEST).decode(errors="replace").split("\n")
        except OSError:
            continue


# ---------------------------------------------------------------- the parts


def _versions(ground: Ground) -> dict[str, Any]:
    from edge_agent.commands.running import versions

    return {"utc": ground.clock.now().utc_text, **versions()}


def _config(ground: Ground) -> dict[str, Any]:
    from edge_agent.config import validated

    written = ground.room.written
    try:
        validated(written)
        problems = []
    except ConfigError as error:
        problems = error.problems
    return {"file": str(written.main), "problems": problems, "written": written.values}


def _status(ground: Ground) -> dict[str, Any]:
    return {"running": ground.room.alive(), "agent": ground.room.status()}


def _upload(ground: Ground) -> dict[str, Any]:
    from edge_agent.commands.upload_control import upload_news

    return {"news": upload_news(ground.room)}


def _doctor(ground: Ground) -> list[dict[str, str]]:
    from edge_agent.commands import checks
    from edge_agent.commands.finding import Ground as Seen
    from edge_agent.config import validated

    config = validated(ground.room.written)
    seen = Seen(ground.room, config, ground.clock, ground.room.status(), ground.ask)
    return [
        {"check": name, "state": str(each.state), "message": each.what, "fix": each.fix}
        for name, check in checks.CHECKS.items()
        for each in checks.run(check, seen)
    ]


def _events(ground: Ground) -> list[dict[str, Any]]:
    with ground.room.ledger() as ledger:
        return [asdict(event) for event in ledger.last_events(EVENTS)]


def _lectures(ground: Ground) -> list[dict[str, Any]]:
    with ground.room.ledger() as ledger:
        return [asdict(lecture) for lecture in ledger.latest(LECTURES)]


def _queue(ground: Ground) -> list[dict[str, Any]]:
    with ground.room.ledger() as ledger:
        waiting = ledger.waiting()
    return [
        {**row.key(), "bytes": row.bytes, "attempts": row.attempts, "last_error": row.last_error}
        for row in waiting
    ]


def _encoders(ground: Ground) -> Any:
    return json.loads(ground.room.spool.encoders.read_text())


def _units(ground: Ground) -> str:
    return ground.ask(["systemctl", "show", f"--property={_PROPERTIES}", *UNITS]) or "no systemd"


def _log(ground: Ground) -> str:
    units = [f"--unit={unit}" for unit in UNITS]
    command = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={LOG_LINES}", *units]
    return ground.ask(command) or "no journal, or this user may not read it"


_PARTS: dict[str, Callable[[Ground], Any]] = {
    "versions": _versions,
    "config": _config,
    "status": _status,
    "upload": _upload,
    "doctor": _doctor,
    "events": _events,
    "lectures": _lectures,
    "queue": _queue,
    "encoders": _encoders,
    "units": _units,
    "log": _log,
}
