"""make classroom: build the virtual classroom, run its scenarios, print the table.

    python -m tests.appliance [--keep] [SCENARIO …]     all of them without a name

Exit code 0 when every promise held, 1 when one did not, 2 when it could not be built or run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.locks import AlreadyRunning, only_one
from tests.appliance import cache
from tests.appliance.clocks import wrong_clock
from tests.appliance.controls import controls_stay
from tests.appliance.debian import CannotBuild
from tests.appliance.deliver import record_and_deliver
from tests.appliance.devices import camera_driver_fails, unplug_and_replug, webcam_hangs
from tests.appliance.from_nothing import from_nothing
from tests.appliance.image import build
from tests.appliance.lit import light_tells
from tests.appliance.machine import GuestFailed
from tests.appliance.microphones import microphone_dies
from tests.appliance.power import pull_the_plug
from tests.appliance.replay import every_crash_point
from tests.appliance.report import Row, table, write_json
from tests.appliance.room import Room
from tests.appliance.services import disk_full, watchdog
from tests.appliance.slow_link import slow_destination
from tests.appliance.thin_link import thin_link
from tests.appliance.twins import twins_swapped

SCENARIOS: dict[str, Callable[[Room], Row]] = {
    "setup": from_nothing,
    "deliver": record_and_deliver,
    "crash-points": every_crash_point,
    "power": pull_the_plug,
    "unplug": unplug_and_replug,
    "swap": twins_swapped,
    "hang": webcam_hangs,
    "microphone": microphone_dies,
    "controls": controls_stay,
    "light": light_tells,
    "camera-lost": camera_driver_fails,
    "clock": wrong_clock,
    "watchdog": watchdog,
    "disk-full": disk_full,
    "slow-destination": slow_destination,
    "thin-link": thin_link,
}


def main() -> int:
    words = argparse.ArgumentParser(prog="make classroom ARGS=…", description=__doc__)
    words.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    words.add_argument("--keep", action="store_true", help="keep the machines' files")
    chosen = words.parse_args()
    try:
        with only_one(cache.folder() / "lock", "virtual classroom"):
            return _all(chosen.scenario or list(SCENARIOS), keep=chosen.keep)
    except (AlreadyRunning, CannotBuild) as error:
        print(error, file=sys.stderr)
        return 2


def _all(scenarios: list[str], *, keep: bool) -> int:
    """One after the other; the exit code."""
    log = cache.folder() / "build.log"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    image = build(log)
    print(f"The guest is built ({time.monotonic() - started:.0f} s)", file=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="classroom-", dir=cache.folder()))
    rows: list[Row] = []
    for name in scenarios:
        rows.append(_run(name, Room(image, folder)))
        write_json(rows, cache.folder() / "results.json")  # what an interrupted run leaves
    if not keep:
        shutil.rmtree(folder)
    print(table(rows))
    print(f"\nAlso in {cache.folder() / 'results.json'}")
    return 0 if all(row.good for row in rows) else 1


def _run(name: str, room: Room) -> Row:
    """One scenario. A guest that fails is its scenario's failure; the others go on."""
    print(f"{name} …", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        row = SCENARIOS[name](room)
    except (GuestFailed, OSError, subprocess.SubprocessError) as error:
        row = Row(name, runs=1, problems=[str(error)])
    verdict = "good" if row.good else "BAD"
    print(f"{name}: {verdict} ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    for problem in row.problems:
        print(f"  {problem}", file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
