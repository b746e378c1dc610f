"""After some of the power cuts the real agent is started on what is left, and has to deliver."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from edge_agent.ledger import Ledger
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from edge_agent.storage_check import findings, gather
from edge_agent.verify import verify_package
from tests.appliance.crash_points import Point, Replay, Truth, take_out
from tests.appliance.report import Row
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until

#: Longer than any test needs on a computer that is merely busy.
LIMIT_S = 180.0


def deliver_after(points: Iterable[Point], truth: Truth, folder: Path, row: Row) -> int:
    """Agent and upload service on the disk of each point; how many lectures they delivered."""
    replay, delivered = Replay(truth, folder / "continued", seed=0), 0
    for point in sorted(points, key=lambda it: it.number):
        place = folder / f"continued-{point.number}"
        disk = replay.disk(point.number, point.dice)
        row.expect(not take_out(disk, place), f"point {point.number}: fsck finds damage")
        shutil.rmtree(place / "lost+found", ignore_errors=True)
        delivered += _deliver(place, f"point {point.number}", row)
        shutil.rmtree(place)
    return delivered


def _deliver(place: Path, name: str, row: Row) -> int:
    room = Classroom(
        place,
        {"camera": CAMERA, "microphone": MICROPHONE},
        # Its time has passed: finished with what there is.
        recording={"resume_minutes": 0},
        # As in the guest: what waits there is waiting for this name.
        destinations={"platform": {"type": "folder", "path": str(place / "platform")}},
    )
    try:
        room.start_agent()
        room.start_uploader()
        with room.ledger() as ledger:
            known = [lecture.id for lecture in ledger.lectures()]
        for lecture in known:
            until(
                f"{name}: {lecture} is delivered",
                lambda it=lecture: room.lecture(it).state is State.DELIVERED,  # type: ignore[misc]
                LIMIT_S,
            )
            package = room.platform / lecture
            faults = [p for p in verify_package(package) if "receipts" not in p.file]
            row.expect(not faults, f"{name}: {lecture} is damaged at the platform: {faults}")
        row.duplicates += len(list(room.platform.iterdir())) - len(known)
        until(f"{name}: the storage is sound", lambda: not _unsound(room.spool), LIMIT_S)
        return len(known)
    except AssertionError as error:
        row.problems.append(str(error))
        return 0
    finally:
        room.close()


def _unsound(spool: Spool) -> list[str]:
    ledger = Ledger.read(spool.ledger)
    try:
        found = findings(gather(spool, ledger, frozenset(), hashes=True))
    finally:
        ledger.close()
    return [f"{it.where} {it.what}" for it in found]
