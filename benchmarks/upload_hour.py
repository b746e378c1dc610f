"""From the stop of an hour's lecture to a lecture that can be watched, over 1 Mbit/s, as root.

    python -m benchmarks.upload_hour [--film FILE] [--left 120]

In real time, with the real upload process in its usual mode (polite), a lecture of `hour_lecture`
and what the room does with it after the stop: finisher, ten seconds of rest, renderer. The slides
are bytes of the size that docs/performance.md gives for an hour. `--left`: so many seconds before
the stop the small camera had not been made yet; 3600: nothing of it was made beside the recording.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import tempfile
import threading
import time
from pathlib import Path
from typing import TypeAlias

from benchmarks.far_end import running
from benchmarks.hour_lecture import HourLecture
from benchmarks.link import Link
from benchmarks.measure import Row, machine
from benchmarks.upload_room import PORT, Certificate, Room
from edge_agent.config import TusDestination
from edge_agent.finish_messages import Packaged
from edge_agent.render_messages import Rendered

MINUTES, REST_S = 60.0, 10.0
#: What is left at the worst: a minute that is not whole, the one before it, which is being made.
LEFT_S = 120.0
SLIDES = {"presentation.mp4": 7_280_000}
LAST = "camera-small.mp4"
LONGEST_S = 3600.0

Said: TypeAlias = "queue.SimpleQueue[tuple[float, Packaged | Rendered]]"


class Hour:
    """The room after the stop, second by second. Times are seconds since the stop."""

    def __init__(self, room: Room, lecture: HourLecture) -> None:
        self._room = room
        self._lecture = lecture
        self._began = time.monotonic()
        self._said: Said = queue.SimpleQueue()
        self.arrived: dict[str, float] = {}
        self.ready: dict[str, float] = {}

    def play(self) -> None:
        """Until the small camera has arrived."""
        worker = threading.Thread(target=self._work)
        worker.start()
        while LAST not in self.arrived and self._elapsed() < LONGEST_S:
            with contextlib.suppress(queue.Empty):
                self._take(*self._said.get(timeout=0.1))
            for row in self._room.rows():
                if row.receipt is not None:
                    self.arrived.setdefault(row.name, self._elapsed())
        worker.join()

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _work(self) -> None:
        packaged = self._lecture.finish()
        self._said.put((self._elapsed(), packaged))
        time.sleep(REST_S)
        for rendered in self._lecture.render():
            self._said.put((self._elapsed(), rendered))

    def _take(self, at_s: float, report: Packaged | Rendered) -> None:
        for artifact in report.artifacts:
            self.ready.setdefault(artifact.name, at_s)
        name = self._lecture.folder.name
        if isinstance(report, Packaged):
            slides = self._room.made(name, SLIDES)
            self._room.store(name, [*report.artifacts, *slides], more_to_come=True)
        else:
            self._room.changed(name, report.artifacts)


def recorded(home: Path, film: Path | None, left_s: float) -> HourLecture:
    lecture = HourLecture(home / "spool/lectures/L1", MINUTES)
    lecture.folder.mkdir(parents=True)
    lecture.record(home, film)
    lecture.render_beside(left_s)
    return lecture


def played(home: Path, lecture: HourLecture) -> Hour:
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(Link(mbit=1.0, round_trip_s=0.05, queue_s=0.5))
        trust = Certificate.made(home)
        stack.enter_context(running(link.far, "sink", PORT, "--certificate", trust.file))
        url = f"https://{Link.FAR}:{PORT}/files/"
        place = TusDestination(type="tus", url=url, ca_file=trust.authority)
        room = stack.enter_context(Room(home, place, "polite"))
        room.upload(link.near)
        hour = Hour(room, lecture)
        hour.play()
        return hour


def minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def rows(film: Path | None = None, left_s: float = LEFT_S) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        hour = played(Path(name), recorded(Path(name), film, left_s))
    watchable = max(hour.arrived["audio-lite.webm"], hour.arrived["presentation.mp4"])
    phone, ready = hour.arrived[LAST], hour.ready
    what = f"packaged {ready['presenter.mp4']:.0f} s after the stop, small sound "
    what += f"{ready['audio-lite.webm']:.0f} s, small camera {ready[LAST]:.0f} s"
    return [
        Row(
            "hour lecture, 1 Mbit/s: small sound and slides there",
            "≤ 4 min",
            minutes(watchable),
            watchable <= 240,
        ),
        Row("… small camera there", "≤ 15 min", f"{minutes(phone)}; {what}", phone <= 900),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_hour")
    words.add_argument("--film", type=Path, help="of a speaker, instead of that of the tests")
    words.add_argument("--left", type=float, default=LEFT_S, help="seconds not made yet")
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.film, options.left):
        print(row, flush=True)


if __name__ == "__main__":
    main()
