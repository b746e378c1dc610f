"""After a power cut: the product's own supervisor and upload, in this process, to the delivery.

Real are the plan and what performs it, the ledger, the finisher's work and the folder destination;
the devices stay unplugged, the clock stands still but for a second a round. A lecture that goes on
is stopped through the inbox, as people do. Small versions that were still wanted are given up, as
when IT staff switch them off: to encode them after each cut would take too long.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_agent.clock import Now
from edge_agent.config import Config
from edge_agent.delivery import Delivery
from edge_agent.ledger import Ledger
from edge_agent.room import furnish
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from edge_agent.storage_check import findings, gather
from edge_agent.supervisor import Supervisor
from edge_agent.verify import verify_package
from tests.appliance.recovered import Found
from tests.fixed_clock import SECOND, FixedClock
from tests.simulated_children import Outside, SimulatedFinisher, SimulatedRecorder
from uploader.folder import FolderDestination

#: More rounds than this without coming to rest: the room goes in circles.
MOST_ROUNDS = 120
#: Rounds, a second each, without a package or a delivery after which nothing more will come.
IDLE_ROUNDS = 5
#: The manifest rounds to a picture or a packet.
ROUNDING_S = 0.15
LOST_AND_FOUND = "lost+found"


@dataclass(slots=True)
class Outcome:
    """How it ended."""

    delivered: int = 0
    duplicates: int = 0
    lectures_lost: int = 0
    problems: list[str] = field(default_factory=list)


def deliver(place: Path, found: Found, now: Now) -> Outcome:
    """Run the room in `place` (with the folders spool and platform) until it rests; judge it."""
    spool, platform, outcome = Spool(place / "spool"), place / "platform", Outcome()
    ledger, uploads = Ledger.create(spool.ledger), Ledger.write(spool.ledger)
    try:
        rests = _Room(place, ledger, uploads, now).run()
        if not rests:
            outcome.problems.append("the room does not come to rest")
        _judge(spool, ledger, platform, found, outcome)
    finally:
        uploads.close()
        ledger.close()
    return outcome


class _Room:
    """A PC at its next start."""

    def __init__(self, place: Path, ledger: Ledger, uploads: Ledger, now: Now) -> None:
        self._ledger = ledger
        self._clock = FixedClock(now.mono_ns, now.utc, now.boot, now.trust)
        self._outside = Outside(self._clock, plugged=set())
        self._finisher = SimulatedFinisher(self._outside)
        runtime = place / "run"
        runtime.mkdir()
        config = Config.model_validate(
            {
                "storage": {"spool": place / "spool", "runtime": runtime, "least_free_mib": 0},
                "tracks": {
                    "camera": {"kind": "synthetic"},
                    "microphone": {"kind": "synthetic", "options": {"stream": "audio"}},
                },
                "destinations": {"platform": {"type": "folder", "path": place / "platform"}},
                "renditions": {"audio": False, "camera": "off"},
            }
        )
        renderer = SimulatedRecorder(self._outside)  # it has nothing to do
        self._supervisor = Supervisor(
            furnish(config, self._clock, ledger, self._launch, renderer=renderer)
        )
        destination = FolderDestination(
            place / "platform", "classroom", lambda: self._clock.now().utc_text
        )
        places = {"platform": destination}
        spool = Spool(place / "spool")
        self._delivery = Delivery(uploads, spool, places, self._clock, chance=lambda: 0.0)

    def _launch(self, module: str, arguments: Sequence[str]) -> Any:
        if module == "edge_agent.finisher":
            return self._finisher
        return SimulatedRecorder(self._outside)

    def run(self) -> bool:
        """Until nothing happens any more; False when it never rests."""
        idle = 0
        for number in range(MOST_ROUNDS):
            self._supervisor.step()
            if number == 1:
                self._stop()
            busy = self._finisher.alive
            if busy:
                self._finisher.finish()
            busy = self._delivery.step() == 0 or busy
            idle = 0 if busy else idle + 1
            if idle > IDLE_ROUNDS:
                return True
            self._clock.pass_time(1)
        return False

    def _stop(self) -> None:
        for lecture in self._ledger.lectures(*ACTIVE):
            now = self._clock.now()
            self._ledger.post(
                "stop", {}, key=f"stop {lecture.id}", origin="people", now=now, ttl_ns=30 * SECOND
            )


def _judge(spool: Spool, ledger: Ledger, platform: Path, found: Found, outcome: Outcome) -> None:
    wanted = [lecture for lecture in ledger.lectures() if lecture.state is not State.PURGED]
    known = {lecture.id for lecture in ledger.lectures()}
    outcome.lectures_lost += len(found.before.keys() - known)
    there = {path.name for path in platform.iterdir()} - {LOST_AND_FOUND}
    for lecture in wanted:
        if lecture.state is State.FAILED and not found.ends and lecture.id not in there:
            continue  # begun, and nothing of it was on the disk yet
        if lecture.state is not State.DELIVERED:
            outcome.lectures_lost += 1
            outcome.problems.append(f"{lecture.id} ends {lecture.state}: {lecture.reason}")
            continue
        outcome.delivered += 1
        outcome.problems += _faults(platform / lecture.id, lecture.id, found)
    strangers = there - {lecture.id for lecture in wanted}
    outcome.duplicates += len(strangers)
    outcome.problems += [f"{name} is at the platform, and nobody knows it" for name in strangers]
    left = findings(gather(spool, ledger, frozenset(), hashes=True))
    outcome.problems += [f"storage check: {it.where} {it.what}" for it in left]


def _faults(package: Path, lecture: str, found: Found) -> list[str]:
    """What is wrong with a delivery: damage, another lecture's files, or seconds that are gone."""
    problems = [f"delivered: {it.file} {it.what}" for it in verify_package(package)]
    if problems:
        return problems
    manifest = json.loads((package / "manifest.json").read_bytes())
    if manifest["identifier"] != lecture:
        problems.append(f"delivered under {lecture}: {manifest['identifier']}")
    there_s = float(manifest["durationSeconds"])
    wanted_s = (max(found.ends.values(), default=START_NS) - START_NS) / 1e9
    if there_s < wanted_s - ROUNDING_S:
        problems.append(f"delivered: {there_s:.2f} s of the {wanted_s:.2f} s that were on the disk")
    return problems
