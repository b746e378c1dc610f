"""From the stop of an hour's lecture to a lecture that can be watched, over 1 Mbit/s, as root.

    python -m benchmarks.upload_hour [--camera 390]

In real time, with the real upload process in its usual mode (polite), and files of the sizes that
docs/performance.md gives for an hour. What the room does meanwhile (finishing, ten seconds of rest,
the small sound, the small camera) is waited for, not done: its durations are those of the same page
on two cores, with both of them busy.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks.far_end import running
from benchmarks.link import Link
from benchmarks.measure import Row, machine
from benchmarks.upload_room import PORT, Certificate, Room
from edge_agent.config import TusDestination

FINISHING_S, REST_S, SOUND_S, CAMERA_S = 30.0, 10.0, 42.0, 390.0
PACKAGE = {
    "manifest.json": 20_000,
    "presentation.mp4": 7_280_000,
    "audio.m4a": 43_000_000,
    "presenter.mp4": 100_000_000,  # stands for 1052 MB: it waits for the small versions
}
SOUND = {"manifest.json": 20_100, "audio-lite.webm": 10_200_000}
CAMERA = {"manifest.json": 20_200, "camera-small.mp4": 68_700_000}
LONGEST_S = 3600.0


class Hour:
    """The room after the stop, second by second."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._began = time.monotonic()
        self.arrived: dict[str, float] = {}

    def wait(self, until_s: float, name: str = "") -> None:
        """Until a time since the stop, or until a file has arrived."""
        while (now := time.monotonic() - self._began) < until_s and name not in self.arrived:
            for row in self._room.rows():
                if row.receipt is not None:
                    self.arrived.setdefault(row.name, now)
            time.sleep(0.1)


def arrivals(camera_s: float) -> dict[str, float]:
    """Seconds from the stop until each file had arrived."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        link = stack.enter_context(Link(mbit=1.0, round_trip_s=0.05, queue_s=0.5))
        trust = Certificate.made(home)
        stack.enter_context(running(link.far, "sink", PORT, "--certificate", trust.file))
        url = f"https://{Link.FAR}:{PORT}/files/"
        place = TusDestination(type="tus", url=url, ca_file=trust.authority)
        room = stack.enter_context(Room(home, place, "polite"))
        room.upload(link.near)
        hour = Hour(room)
        hour.wait(FINISHING_S)
        room.package("L1", PACKAGE, more_to_come=True)
        hour.wait(FINISHING_S + REST_S + SOUND_S)
        room.add("L1", SOUND)
        hour.wait(FINISHING_S + REST_S + SOUND_S + camera_s)
        room.add("L1", CAMERA)
        hour.wait(LONGEST_S, "camera-small.mp4")
        return hour.arrived


def minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def rows(camera_s: float = CAMERA_S) -> list[Row]:
    found = arrivals(camera_s)
    watchable = max(found["audio-lite.webm"], found["presentation.mp4"])
    phone = found["camera-small.mp4"]
    ready = FINISHING_S + REST_S + SOUND_S + camera_s
    return [
        Row(
            "hour lecture, 1 Mbit/s: small sound and slides there",
            "≤ 4 min",
            minutes(watchable),
            watchable <= 240,
        ),
        Row(
            "… small camera there",
            "≤ 15 min",
            f"{minutes(phone)}, of which sending {minutes(phone - ready)}",
            phone <= 900,
        ),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_hour")
    words.add_argument("--camera", type=float, default=CAMERA_S, help="seconds of rendering it")
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.camera):
        print(row, flush=True)


if __name__ == "__main__":
    main()
