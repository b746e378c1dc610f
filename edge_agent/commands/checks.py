"""The checks of `edge-agent doctor`: each looks at one thing, and says how to mend it.

A new one is a function from the ground to its findings, with a line in CHECKS. None changes
anything, and each works without a running agent.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_agent.clock import Clock
from edge_agent.commands.output import Failure
from edge_agent.commands.words import size
from edge_agent.locks import is_held
from edge_agent.rules.space import VIDEO_KBPS, WARN_BELOW_HOURS, hours_left

if TYPE_CHECKING:
    from edge_agent.commands.room import Room
    from edge_agent.config import Config

SYSTEMCTL_S = 5.0
UNITS = ("edge-agent.service", "edge-agent-upload.service")
START = "sudo systemctl start edge-agent (or, without a service: edge-agent run)"


class State(StrEnum):
    OK = "ok"
    NOTE = "note"  # works, and could be better
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen. `fix` is the next step; empty when all is well."""

    what: str
    state: State = State.OK
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the checks look at."""

    room: Room
    config: Config
    clock: Clock
    #: What the running agent says; None when there is none.
    status: Mapping[str, Any] | None
    #: Runs a program and gives its output; None when there is no such program.
    ask: Callable[[list[str]], str | None]


Check: TypeAlias = "Callable[[Ground], Iterator[Finding]]"


def agent(ground: Ground) -> Iterator[Finding]:
    """Is the agent running, and the upload?"""
    if ground.status is None:
        yield Finding("the agent is not running: nothing is recorded", State.WRONG, START)
    else:
        yield Finding(f"running, version {ground.status['version']}")
    if ground.config.destinations and not is_held(ground.room.runtime.upload_lock):
        fix = "sudo systemctl start edge-agent-upload (or: edge-agent upload run)"
        yield Finding("the upload is not running: nothing is sent", State.WRONG, fix)


def clock(ground: Ground) -> Iterator[Finding]:
    """Is the time right?"""
    trust = ground.clock.now().trust
    fix = "connect the network, then: sudo timedatectl set-ntp true"
    if trust == "synchronised":
        yield Finding("synchronised with the network")
    elif trust == "plausible":
        yield Finding("not synchronised: dates of lectures may be wrong", State.NOTE, fix)
    else:
        yield Finding("never set: lectures get a wrong date", State.WRONG, fix)


def disk(ground: Ground) -> Iterator[Finding]:
    """Is there room for lectures, and may they be written?"""
    root = ground.room.spool.root
    usable = next(each for each in (root, *root.parents) if each.is_dir())
    if not os.access(usable, os.W_OK):
        fix = "run this as the service does: sudo -u edge-agent edge-agent doctor"
        yield Finding(f"{usable} cannot be written by this user", State.WRONG, fix)
    free = shutil.disk_usage(usable).free
    kbps = [
        track.max_kbps or VIDEO_KBPS if track.media == "video" else track.audio_kbps
        for track in ground.config.tracks.values()
    ] or [VIDEO_KBPS]
    hours = hours_left(free, kbps)
    what = f"{size(free)} free, enough for about {hours:.0f} hours"
    fix = "see what waits to be sent: edge-agent upload status"
    least = ground.config.storage.least_free_mib << 20
    enough = hours >= WARN_BELOW_HOURS and free >= least
    yield Finding(what) if enough else Finding(what, State.WRONG, fix)


def devices(ground: Ground) -> Iterator[Finding]:
    """Does every camera and microphone deliver?"""
    if ground.status is not None and ground.status["tracks"]:
        for name, track in ground.status["tracks"].items():
            yield _track(name, track)
        return
    from edge_agent.commands.looking import list_devices

    found = {str(each["id"]) for each in list_devices()}
    plugged = "plug it in, then: edge-agent devices list"
    if not found and not ground.config.tracks:
        yield Finding("no camera, microphone or screen is plugged in", State.WRONG, plugged)
    for each in sorted(found if not ground.config.tracks else ()):
        yield Finding(f"{each} is plugged in")
    for name, track in ground.config.tracks.items():
        if track.kind in ("v4l2", "microphone") and track.device not in found:
            what = f"{name}: {track.device} is not listed by that name"
            yield Finding(what, State.NOTE, f"try it: edge-agent devices test {name}")
        else:
            yield Finding(f"{name}: {track.device or track.kind} is configured")


def _track(name: str, track: Mapping[str, Any]) -> Finding:
    if track["phase"] in ("absent", "starting"):
        why = track["reason"] or "it is starting"
        fix = track["hint"] or f"try it: edge-agent devices test {name}"
        return Finding(f"{name}: {why}", State.WRONG, fix)
    if track.get("warning"):
        return Finding(f"{name}: {track['warning']}", State.WRONG, "check it and its switch")
    if track.get("given_up"):
        fix = "when the lecture is over: edge-agent encoders --benchmark"
        return Finding(f"{name}: this PC is too slow: {track['given_up']}", State.NOTE, fix)
    return Finding(f"{name}: {track['description'] or track['device']}")


def encoders(ground: Ground) -> Iterator[Finding]:
    """What encodes pictures, and why the others do not?"""
    from edge_agent.encoder_book import load, this_computer, trial_size
    from encoders.ladder import SOFTWARE, rungs

    size = trial_size(track.size for track in ground.config.tracks.values())
    book = load(ground.room.spool.encoders, this_computer(size=size))
    failed = dict((ground.status or {}).get("failed_encoders", {}))
    for codec in sorted({"h264", *(track.codec for track in ground.config.tracks.values())}):
        verdicts, more = book.of(codec), f"edge-agent encoders --codec {codec}"
        if not verdicts:
            yield Finding(f"{codec}: encoders have not been tried yet", State.NOTE, more)
            continue
        name = next(iter(rungs(verdicts, codec, failed)), "")
        if not name:
            what = f"{codec}: no encoder works, h264 is recorded instead"
            yield Finding(what, State.WRONG, more)
            continue
        chosen = next(each for each in verdicts if each.name == name)
        slow = name == SOFTWARE[codec] and 0 < chosen.speed < 1
        fix = "measure what it can do: edge-agent encoders --benchmark" if slow else ""
        what = f"{codec}: {name}, {chosen.speed:.1f} × real time"
        yield Finding(what, State.WRONG if slow else State.OK, fix)
        for each in verdicts:
            why = failed.get(each.name, each.reason)
            if each.name != name and why:
                yield Finding(f"{codec}: not {each.name}: {why}")
    if book.headroom is not None and not book.headroom.get("fits", True):
        fix = "choose a smaller size or rate for a track: edge-agent encoders"
        yield Finding("the room's tracks are too much for this PC", State.WRONG, fix)


def destinations(ground: Ground) -> Iterator[Finding]:
    """Can lectures be sent?"""
    from edge_agent.config import FolderDestination, StickDestination

    if not ground.config.destinations:
        fix = "add one under [destinations] in the configuration"
        yield Finding("none is configured: lectures stay on this PC", State.NOTE, fix)
    for name, place in ground.config.destinations.items():
        if not isinstance(place, FolderDestination):
            yield Finding(f"{name}: {place.type}")
        elif not place.path.is_dir():
            yield Finding(f"{name}: {place.path} is not there", State.WRONG, "mount or create it")
        elif not os.access(place.path, os.W_OK):
            fix = "run this as the user of the service, or let that user write there"
            yield Finding(f"{name}: {place.path} cannot be written", State.WRONG, fix)
        else:
            yield Finding(f"{name}: {place.path}, {size(shutil.disk_usage(place.path).free)} free")
    if ground.room.spool.ledger.exists():
        places = ground.config.destinations.items()
        sticks = {name for name, place in places if isinstance(place, StickDestination)}
        yield from _refused(ground, sticks)


def _refused(ground: Ground, sticks: Collection[str]) -> Iterator[Finding]:
    """What lies on a stick, or waits for one, is people's business and no fault."""
    with ground.room.ledger() as ledger:
        rows = [row for row in ledger.outbox() if row.receipt is None and row.last_error]
    for name in sorted({row.destination for row in rows}):
        mine = [row for row in rows if row.destination == name]
        what = f"{name}: {len(mine)} files wait: {mine[0].last_error}"
        state = State.NOTE if name in sticks else State.WRONG
        yield Finding(what, state, "see: edge-agent upload status")


def secrets(ground: Ground) -> Iterator[Finding]:
    """Is every credential there, and safe from others?"""
    from edge_agent.credential_desk import Held, survey
    from edge_agent.secrets import Secrets

    folder = Secrets.of(os.environ, ground.room.written.main.parent)
    found = survey(ground.config, folder)
    if not any(each.users for each in found):
        yield Finding("none is needed")
    for each in found:
        if each.users and each.state is Held.OK:
            yield Finding(f"{each.name}: there")
        elif each.users:
            state = State.NOTE if each.state is Held.UNKNOWN else State.WRONG
            yield Finding(f"{each.name}: {each.trouble}", state, each.fix)


def units(ground: Ground) -> Iterator[Finding]:
    """Does systemd start the agent with the PC?"""
    said = ground.ask(
        ["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState", *UNITS]
    )
    if said is None:
        fix = "have your own supervisor run: edge-agent run, edge-agent upload run"
        yield Finding("systemd is not there to start the agent with the PC", State.NOTE, fix)
        return
    shown = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in said.split("\n\n")
    ]
    for unit in (each for each in shown if each.get("Id")):
        yield _unit(unit)


def _unit(unit: Mapping[str, str]) -> Finding:
    name = unit["Id"]
    if unit.get("LoadState") != "loaded":
        return Finding(f"{name} is not installed", State.NOTE, "install the package edge-agent")
    if unit.get("ActiveState") == "failed":
        return Finding(f"{name} has failed", State.WRONG, f"see why: journalctl -u {name} -e")
    if unit.get("UnitFileState") != "enabled":
        what = f"{name} does not start with the PC"
        return Finding(what, State.WRONG, f"sudo systemctl enable --now {name}")
    return Finding(f"{name} is {unit.get('ActiveState', 'there')}")


CHECKS: dict[str, Check] = {
    "agent": agent,
    "clock": clock,
    "disk": disk,
    "devices": devices,
    "encoders": encoders,
    "destinations": destinations,
    "secrets": secrets,
    "units": units,
}


def run(check: Check, ground: Ground) -> list[Finding]:
    """The findings of a check; one that cannot look says so, and stops no other."""
    try:
        return list(check(ground))
    except Failure as error:
        return [Finding(f"could not be checked: {error.message}", State.WRONG, error.hint)]
    except sqlite3.Error as error:
        fix = "edge-agent storage check"
        return [Finding(f"could not be checked: the ledger says: {error}", State.WRONG, fix)]
    except OSError as error:
        place = f" ({Path(str(error.filename)).name})" if error.filename else ""
        what = f"could not be checked: {error.strerror or error}{place}"
        return [Finding(what, State.WRONG, "run it as the service does: sudo -u edge-agent")]


def ask(command: list[str]) -> str | None:
    """A program's output; None when it is not there, or says that it cannot."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SYSTEMCTL_S,
            check=False,
            text=True,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
