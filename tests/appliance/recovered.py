"""What the product's recovery makes of the disks after a power cut."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from edge_agent.storage_check import findings, gather

#: Exit bits of e2fsck: 1 errors corrected (the journal too), 4 errors left, 8 operational error.
FSCK_BAD = 4 | 8
#: In order; a lecture never goes back.
STEPS = [
    State.RECORDING,
    State.PAUSED,
    State.FINISHING,
    State.HELD,
    State.PACKAGED,
    State.DELIVERED,
]
PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Found:
    """What recovery made of a disk."""

    #: lecture/track/segment → SHA-256 of the rows that were whole before recovery.
    closed: dict[str, str]
    #: lecture → state, before recovery and after it.
    before: dict[str, str]
    after: dict[str, str]
    #: track → lecture time of its end, newest lecture only.
    ends: dict[str, int]
    problems: list[str]


def take_out(disk: Path, folder: Path) -> list[str]:
    """fsck, which replays the journal; then all files, without a mount. What fsck found."""
    problems = []
    done = subprocess.run(["e2fsck", "-fy", disk], capture_output=True, check=False)
    if done.returncode & FSCK_BAD:
        problems.append(f"e2fsck: {done.stdout.decode(errors='replace')[-200:]}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    dump = ["debugfs", "-R", f"rdump / {folder}", disk]
    subprocess.run(dump, capture_output=True, check=True)
    return problems


def digest(folder: Path) -> bytes:
    """Names and contents of everything in a folder: equal states are judged once."""
    sums = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        sums.update(f"\0{path.relative_to(folder)}\0".encode())
        if path.is_file():
            sums.update(path.read_bytes())
    return sums.digest()


def recover(root: Path, now: Now) -> Found:
    """Let the product bring a spool in order, as at its next start."""
    spool, problems = Spool(root), list[str]()
    spool.lectures.mkdir(exist_ok=True)
    ledger = Ledger.create(spool.ledger)
    try:
        return _recover(spool, ledger, now, problems)
    finally:
        ledger.close()


def _recover(spool: Spool, ledger: Ledger, now: Now, problems: list[str]) -> Found:
    before = {each.id: str(each.state) for each in ledger.lectures()}
    rows = [row for lecture in before for row in ledger.segments(lecture)]
    closed = {f"{row.lecture}/{row.track}/{row.name}": row.sha256 for row in rows}
    first = findings(gather(spool, ledger, frozenset(), hashes=True))
    problems += [f"{it.where} {it.what}" for it in first if it.invariant in ("I1", "I4", "ledger")]
    Recovery(spool, ledger, PATIENCE).run(now)
    after = {each.id: each for each in ledger.lectures()}
    for lecture, state in before.items():
        if step(str(after[lecture].state)) < step(state):
            problems.append(f"lecture {lecture} went back from {state} to {after[lecture].state}")
    recording = frozenset(t.name for lecture in after for t in ledger.tracks(lecture))
    left = findings(gather(spool, ledger, recording, hashes=False))
    packaged = [f"lectures/{k}/tracks/" for k, v in after.items() if may_drop_segments(v.state)]
    harmless = [it for it in left if it.invariant == "I2" and it.where.startswith(tuple(packaged))]
    problems += [f"after recovery: {it.where} {it.what}" for it in left if it not in harmless]
    ends: dict[str, int] = {}
    for lecture in after:
        for row in ledger.segments(lecture):
            ends[row.track] = max(ends.get(row.track, 0), row.end_ns)
    return Found(closed, before, {k: str(v.state) for k, v in after.items()}, ends, problems)


def may_drop_segments(state: str) -> bool:
    """Segments make room for the package once that is whole; the running agent removes them."""
    return state in (State.PACKAGED, State.DELIVERED)


def next_boot(utc: str) -> Now:
    """A minute after the run."""
    moment = datetime.fromisoformat(utc) + timedelta(minutes=1)
    return Now(10_000_000_000, moment, "another-boot", "synchronised")


def step(state: str) -> int:
    return STEPS.index(State(state)) if state in STEPS else len(STEPS)
