"""The real upload process on a link of 256 kbit/s that is cut every two minutes, as root.

    python -m benchmarks.upload_cuts [--runs 4] [tus] [s3] [s3-pieces]

Of the attempts to connect 30 % are refused. Sent is the first stage of an hour's lecture: manifest,
slides, small sound. The runs are at the same time, each with a link of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.far_end import asked, running
from benchmarks.link import PAYLOAD, Link
from benchmarks.measure import Row, machine
from benchmarks.upload_room import PORT, Certificate, Room
from edge_agent.config import TusDestination
from edge_agent.config_destinations import S3Destination
from tests.servers.seaweed import BUCKET, KEY

MBIT, ROUND_TRIP_S, CUT_S, REFUSED = 0.256, 0.1, 120.0, 0.3
FIRST_STAGE = {
    "manifest.json": 20_000,
    "presentation.mp4": 7_300_000,
    "audio-lite.webm": 10_200_000,
}
#: As the documentation advises for such a link.
PIECES_KIB = 128
LONGEST_S = 3600.0


@dataclass(frozen=True)
class Run:
    share: float  # of the payload that the link can carry
    carried: float  # times the files' bytes: heads, TLS and what was sent again
    cuts: int
    refused: int


def run(kind: str, files: dict[str, int]) -> Run:
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = stack.enter_context(Link(mbit=MBIT, round_trip_s=ROUND_TRIP_S, queue_s=1.0))
        trust = Certificate.made(home)
        faults = (CUT_S, REFUSED)
        place: TusDestination | S3Destination
        if kind == "tus":
            stack.enter_context(running(link.far, "sink", PORT + 1, "--certificate", trust.file))
            way = stack.enter_context(running(link.far, "unreliable", PORT, PORT + 1, *faults))
            url = f"https://{Link.FAR}:{PORT}/files/"
            place = TusDestination(type="tus", url=url, ca_file=trust.authority)
        else:
            store = stack.enter_context(running(link.far, "seaweed", home))
            assert store.stdout is not None
            ends = (PORT, store.stdout.readline().strip(), *faults, trust.file)
            way = stack.enter_context(running(link.far, "unreliable", *ends))
            url = f"https://{Link.FAR}:{PORT}/{BUCKET}"
            pieces = PIECES_KIB if kind == "s3-pieces" else None
            place = S3Destination(
                type="s3", url=url, credential="room", ca_file=trust.authority, pieces_kib=pieces
            )
        room = stack.enter_context(Room(home, place, "full"))
        room.give_secret("room", f"{KEY.access}:{KEY.secret}")
        room.package("L1", files, more_to_come=False)
        began = time.monotonic()
        room.upload(link.near)
        while not arrived(room):
            if time.monotonic() - began > LONGEST_S:
                raise SystemExit(str([row.last_error for row in room.rows()]))
            time.sleep(0.1)
        took, told = time.monotonic() - began, asked(way)
    size = sum(files.values())
    share = size / (MBIT * 1e6 / 8 * PAYLOAD) / took
    return Run(share, told["carried"] / size, told["cut"], told["refused"])


def arrived(room: Room) -> bool:
    return all(row.receipt is not None for row in room.rows())


def rows(runs: int, kind: str) -> list[Row]:
    with ThreadPoolExecutor(runs) as pool:
        found = list(pool.map(lambda _: run(kind, FIRST_STAGE), range(runs)))
    share = statistics.median(one.share for one in found)
    worst = min(one.share for one in found)
    carried = max(one.carried for one in found)
    faults = f"{sum(one.cuts for one in found)} cuts, {sum(one.refused for one in found)} refusals"
    return [
        Row(
            f"{kind}, 256 kbit/s, cut every 2 min, 30 % refused: of the link",
            "≥ 85 %",
            f"{share:.0%} (worst {worst:.0%}; {runs} runs, {faults})",
            share >= 0.85,
        ),
        Row("… bytes on the way, of the files'", "≤ 1.05 ×", f"{carried:.3f} ×", carried <= 1.05),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_cuts")
    words.add_argument("--runs", type=int, default=4)
    words.add_argument("kinds", nargs="*", default=["tus", "s3-pieces"])
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for kind in options.kinds:
        for row in rows(options.runs, kind):
            print(row, flush=True)


if __name__ == "__main__":
    main()
