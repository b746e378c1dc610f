"""Checks of where lectures go: destinations, the way there, credentials."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.accounts import service_account
from edge_agent.commands.finding import Finding, Ground, Mend, State
from edge_agent.commands.words import size

if TYPE_CHECKING:
    from edge_agent.config import FolderDestination


def destinations(ground: Ground) -> Iterator[Finding]:
    """Can lectures be sent?"""
    from edge_agent.config import FolderDestination, StickDestination

    if not ground.config.destinations:
        fix = "add one under [destinations] in the configuration, or with: edge-agent setup"
        yield Finding("none is configured: lectures stay on this PC", State.NOTE, fix)
    for name, place in ground.config.destinations.items():
        if isinstance(place, FolderDestination):
            yield _folder(ground, name, place)
        else:
            yield Finding(f"{name}: {place.type}")
    if ground.room.spool.ledger.exists():
        places = ground.config.destinations.items()
        sticks = {name for name, place in places if isinstance(place, StickDestination)}
        yield from _refused(ground, sticks)


def _folder(ground: Ground, name: str, place: FolderDestination) -> Finding:
    path = place.path
    if not path.is_dir():
        what = f"{name}: {path} is not there"
        if not _below_a_mount(path):
            return Finding(what, State.WRONG, "mount or create it")
        who = ground.account or service_account(ground.room.spool.root)
        make = ("install", "-d", "-o", str(who.uid), "-g", str(who.gid), str(path))
        return Finding.mendable(what, State.WRONG, Mend((make,)))
    if not os.access(path, os.W_OK):
        fix = "run this as the user of the service, or let that user write there"
        return Finding(f"{name}: {path} cannot be written", State.WRONG, fix)
    return Finding(f"{name}: {path}, {size(shutil.disk_usage(path).free)} free")


def _below_a_mount(path: Path) -> bool:
    """Is its place on another disk than the system? Where a share is not mounted, a folder of its
    name would take the lectures onto the system's disk."""
    nearest = next(each for each in path.parents if each.is_dir())
    return nearest.stat().st_dev != Path("/").stat().st_dev


def _refused(ground: Ground, sticks: Collection[str]) -> Iterator[Finding]:
    """What lies on a stick, or waits for one, is people's business and no fault."""
    with ground.room.ledger() as ledger:
        rows = [row for row in ledger.waiting() if row.last_error]
    for name in sorted({row.destination for row in rows}):
        mine = [row for row in rows if row.destination == name]
        what = f"{name}: {len(mine)} files wait: {mine[0].last_error}"
        state = State.NOTE if name in sticks else State.WRONG
        yield Finding(what, state, "see: edge-agent upload status")


def reach(ground: Ground) -> Iterator[Finding]:
    """Does each server answer, with a certificate that counts? Nothing is sent."""
    from edge_agent.reach import trouble

    asked = False
    for name, place in ground.config.destinations.items():
        url = getattr(place, "url", None)
        if url is None:
            continue
        asked = True
        why = trouble(url, getattr(place, "ca_file", None))
        if why:
            fix = f"mend the network or the address, then: edge-agent upload test {name}"
            yield Finding(f"{name}: {why}", State.WRONG, fix)
        else:
            yield Finding(f"{name}: its server answers")
    if not asked:
        yield Finding("no destination needs the network")
        return
    allowed = _congestion(ground.root)
    if allowed and "bbr" not in allowed:
        fix = "allow it, as docs/it.md says, where the link loses packets"
        yield Finding("BBR is not allowed: lossy links are used badly", State.NOTE, fix)


def _congestion(root: Path) -> list[str]:
    try:
        return (root / "proc/sys/net/ipv4/tcp_allowed_congestion_control").read_text().split()
    except OSError:
        return []


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
            close = each.fix.startswith("chmod 600 ")
            file = str(folder.own / each.name)
            mend = Mend((("chmod", "600", file),), root=False) if close else None
            yield Finding(f"{each.name}: {each.trouble}", state, each.fix, mend)
