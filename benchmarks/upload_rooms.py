"""Thirty rooms whose lectures end together, on one link of 2 Mbit/s, as root.

    python -m benchmarks.upload_rooms [--rooms 30] [--mbit 2] [--mb 0.5]

Each room is a real upload process. In real time that would take hours; so the first stage of each
lecture (slides and small sound, 17.5 MB) is sent in little, 0.5 MB: how the link is shared does not
hang on it, and the time until the last room's first stage has arrived grows with it. Fair is what
each room's first minutes bring: Jain's index of the bytes, 1 when all got the same.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks.far_end import running
from benchmarks.link import PAYLOAD, Link
from benchmarks.measure import Row, machine
from benchmarks.upload_room import PORT, Certificate, Room
from edge_agent.config import TusDestination

FIRST_STAGE_MB = 17.5
LONGEST_S = 1800.0
#: Each loads what it needs before the next one begins.
START_S = 2.0


def jain(shares: list[float]) -> float:
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


def arrivals(rooms: int, mbit: float, size: int) -> list[float]:
    """Seconds until each room's first stage had arrived."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = stack.enter_context(Link(mbit=mbit, round_trip_s=0.05, queue_s=0.5))
        trust = Certificate.made(home)
        stack.enter_context(running(link.far, "sink", PORT, "--certificate", trust.file))
        url = f"https://{Link.FAR}:{PORT}/files/"
        place = TusDestination(type="tus", url=url, ca_file=trust.authority)
        made = [
            stack.enter_context(Room(home / f"{number}", place, "polite"))
            for number in range(rooms)
        ]
        late = link.near[link.near.index("ip") :]  # thirty that go before all would stop the PC
        for room in made:
            room.upload(late)
            time.sleep(START_S)
        time.sleep(10 * START_S)
        for room in made:
            room.package("L1", {"audio-lite.webm": size}, more_to_come=False)
        began, found = time.monotonic(), dict.fromkeys(range(rooms), 0.0)
        while not all(found.values()):
            now = time.monotonic() - began
            if now > LONGEST_S:
                raise SystemExit(f"not all have arrived after {now:.0f} s: {found}")
            for number, room in enumerate(made):
                if not found[number] and all(row.receipt is not None for row in room.rows()):
                    found[number] = now
            time.sleep(0.2)
    return sorted(found.values())


def rows(rooms: int, mbit: float, megabytes: float) -> list[Row]:
    size = round(megabytes * 1e6)
    found = arrivals(rooms, mbit, size)
    index = jain([size / each for each in found])
    used = rooms * size / (mbit * 1e6 / 8 * PAYLOAD) / found[-1]
    whole_min = found[-1] * FIRST_STAGE_MB / megabytes / 60
    what = f"{rooms} rooms at once on {mbit:g} Mbit/s, polite, {megabytes:g} MB each"
    return [
        Row(f"{what}: fairness of their rates (Jain)", "≥ 0.9", f"{index:.2f}", index >= 0.9),
        Row(
            "… first and last there, and share of the link until then",
            "",
            f"{found[0]:.0f} s, {found[-1]:.0f} s, {used:.0%}",
        ),
        Row("… the last one's whole first stage (17.5 MB), reckoned", "", f"{whole_min:.0f} min"),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_rooms")
    words.add_argument("--rooms", type=int, default=30)
    words.add_argument("--mbit", type=float, default=2.0)
    words.add_argument("--mb", type=float, default=0.5)
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.rooms, options.mbit, options.mb):
        print(row, flush=True)


if __name__ == "__main__":
    main()
