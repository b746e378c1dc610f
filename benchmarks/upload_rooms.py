"""Thirty rooms whose lectures end together, on one link of 2 Mbit/s, as root.

    python -m benchmarks.upload_rooms [--rooms 30] [--mbit 2] [--mb 1]

Each room is a real upload process. In real time that would take hours; so the first stage of each
lecture (slides and small sound, 17.5 MB) is sent in little, 1 MB: how the link is shared does not
hang on it, and the time until the last room's first stage has arrived grows with it. Fair: Jain's
index of what each room got a second from its own beginning on, 1 when all got the same.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks.far_end import running, uploads
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


def arrivals(rooms: int, mbit: float, size: int) -> list[dict[str, float]]:
    """What came from each room, as the far end saw it."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = stack.enter_context(Link(mbit=mbit, round_trip_s=0.05, queue_s=0.5))
        trust = Certificate.made(home)
        stack.enter_context(running(link.far, "sink", PORT, "--certificate", trust.file))
        place = TusDestination(
            type="tus", url=f"https://{Link.FAR}:{PORT}/files/", ca_file=trust.authority
        )
        late = link.near[link.near.index("ip") :]  # thirty that go before all would stop the PC
        ready = []
        for number in range(rooms):
            room = stack.enter_context(Room(home / f"{number}", place, "polite"))
            ready.append((room, room.made("L1", {"audio-lite.webm": size})))
            room.upload(late)
            time.sleep(START_S)
        time.sleep(10 * START_S)
        for room, files in ready:
            room.store("L1", files, more_to_come=False)
        began = time.monotonic()
        while time.monotonic() - began < LONGEST_S:
            time.sleep(5)
            told = uploads(link.far, f"https://{Link.FAR}:{PORT}/", trust.authority)
            if len(told) == rooms and all(one["came"] == one["length"] for one in told):
                return told
        raise SystemExit(f"not all have arrived after {LONGEST_S:.0f} s")


def rows(rooms: int, mbit: float, megabytes: float) -> list[Row]:
    size = round(megabytes * 1e6)
    found = arrivals(rooms, mbit, size)
    index = jain([one["came"] / (one["last_s"] - one["first_s"]) for one in found])
    began = min(one["first_s"] for one in found)
    first, last = (pick(one["last_s"] - began for one in found) for pick in (min, max))
    spread = max(one["first_s"] for one in found) - began
    used = rooms * size / (mbit * 1e6 / 8 * PAYLOAD) / last
    whole_min = last * FIRST_STAGE_MB / megabytes / 60
    what = f"{rooms} rooms at once on {mbit:g} Mbit/s, polite, {megabytes:g} MB each"
    return [
        Row(f"{what}: fairness of their rates (Jain)", "≥ 0.9", f"{index:.2f}", index >= 0.9),
        Row(
            "… the last begins, the first and the last are there, share of the link",
            "",
            f"{spread:.0f} s, {first:.0f} s, {last:.0f} s, {used:.0%}",
        ),
        Row("… the last one's whole first stage (17.5 MB), reckoned", "", f"{whole_min:.0f} min"),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_rooms")
    words.add_argument("--rooms", type=int, default=30)
    words.add_argument("--mbit", type=float, default=2.0)
    words.add_argument("--mb", type=float, default=1.0)
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.rooms, options.mbit, options.mb):
        print(row, flush=True)


if __name__ == "__main__":
    main()
