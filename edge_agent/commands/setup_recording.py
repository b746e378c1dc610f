"""The test recording of `edge-agent setup`: some seconds with all devices of the room, judged.

An agent of its own records into a folder of its own, under the account of the services, and
nothing of it is kept or sent. Where the room's agent holds the devices already, it is listened to.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.progress import bar
from edge_agent.commands.room import Room, room_of
from edge_agent.commands.setup_judging import Seen, judged
from edge_agent.commands.short_lecture import package, programs, record, with_log

if TYPE_CHECKING:
    from edge_agent.accounts import Account
    from edge_agent.commands.finding import Finding
    from edge_agent.config import Config

LEAST_FREE_MIB = 200
_DETAILS = {"title": "Test recording", "lecturer": "edge-agent setup"}


def try_recording(
    config: Config, account: Account, seconds: float, report: Report
) -> list[Finding]:
    """Record, package, verify, judge, and take it all away again. Raises Failure."""
    with tempfile.TemporaryDirectory(prefix="edge-agent-test-") as place:
        home = Path(place)
        file = configured(config, home)
        if account.uid != os.geteuid():
            for each in (home, file):
                os.chown(each, account.uid, account.gid)
        here, seen = room_of(file), dict[str, Seen]()
        with programs(home, file, ("agent",), account.as_child()) as alive:
            try:
                lecture = record(here, seconds, _DETAILS, alive, report, lambda: look(here, seen))
                look(here, seen)
                package(here, lecture, alive, report)
                _verify(here, lecture)
            except Failure as failure:
                raise with_log(failure, home, ("agent",)) from failure
    return judged(seen.values())


def listen(here: Room, seconds: float, report: Report) -> list[Finding]:
    """The same of the room's agent, which holds the devices: without a recording."""
    seen = dict[str, Seen]()
    began = time.monotonic()
    with bar("Listening", seconds, report) as advance:
        while (done := time.monotonic() - began) < seconds:
            advance(done)
            look(here, seen)
            time.sleep(min(0.2, seconds - done))
    return judged(seen.values())


def look(here: Room, seen: dict[str, Seen]) -> None:
    for name, track in (here.status() or {"tracks": {}})["tracks"].items():
        seen.setdefault(name, Seen(name)).look(track)


def configured(config: Config, home: Path) -> Path:
    """The room's configuration with folders of its own, and without anywhere to send to."""
    from edge_agent.config import to_toml

    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    kept: Mapping[str, Any] = {
        key: values[key] for key in ("room", "lecture", "recording", "tracks")
    }
    own = {
        "storage": {
            "spool": str(home / "spool"),
            "runtime": str(home / "run"),
            "least_free_mib": LEAST_FREE_MIB,
        },
        "renditions": {"audio": False, "camera": "off"},
    }
    file = home / "config.toml"
    file.write_text(to_toml({**kept, **own}))
    return file


def _verify(here: Room, lecture: str) -> None:
    from edge_agent.verify import verify_package

    problems = verify_package(here.spool.package(lecture))
    if problems:
        raise Failure(
            Exit.FINDINGS,
            "not-whole",
            "; ".join(f"{problem.file} {problem.what}" for problem in problems),
            "look at the drive: edge-agent doctor drive disk",
        )
