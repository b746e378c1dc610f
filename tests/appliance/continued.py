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
from tests.appliance.afterwards import LOST_AND_FOUND
from tests.appliance.crash_points import Point, Replay
from tests.appliance.logged_run import Truth
from tests.appliance.report import Row
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until

#: Longer than any of it needs on a computer that is merely busy.
LIMIT_S = 180.0
#: Nothing more will happen to a lecture by itself.
ENDS = (State.DELIVERED, State.FAILED, State.PURGED)


def deliver_after(points: Iterable[Point], truth: Truth, folder: Path, row: Row) -> None:
    """Agent and upload service as processes on the disks of each point (in order)."""
    replay, starts, delivered = Replay(truth, folder / "continued"), 0, 0
    for point in points:
        place = folder / f"continued-{point.number}-{point.dice}"
        name = f"the agent after point {point.number}, dice {point.dice}"
        row.problems += [
            f"{name}: {fault}" for fault in replay.cut(point.number, point.dice, place)
        ]
        found = _deliver(place, name, row)
        row.expect(
            found == point.delivered, f"{name}: {found} delivered, {point.delivered} in the replay"
        )
        delivered, starts = delivered + found, starts + 1
        shutil.rmtree(place)
    row.notes.append(f"the agent itself was started after {starts} cuts: {delivered} deliveries")


def _deliver(place: Path, name: str, row: Row) -> int:
    """How many lectures of this state arrived whole."""
    (place / "platform" / LOST_AND_FOUND).rmdir()
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
                f"{name}: {lecture} comes to its end",
                lambda it=lecture: room.lecture(it).state in ENDS,  # type: ignore[misc]
                LIMIT_S,
            )
        ends = {lecture: room.lecture(lecture).state for lecture in known}
        whole = {lecture for lecture, state in ends.items() if state is State.DELIVERED}
        for lecture in whole:
            faults = verify_package(room.platform / lecture)
            row.expect(not faults, f"{name}: {lecture} is damaged at the platform: {faults}")
        row.duplicates += len({path.name for path in room.platform.iterdir()} - whole)
        until(f"{name}: the storage is sound", lambda: not _unsound(room.spool), LIMIT_S)
        return len(whole)
    except AssertionError as error:
        row.problems.append(f"{error}\n{room.log()[-1500:]}")
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
