"""A long lecture in real time: do sound and picture stay together, does anything grow?

Two cameras and a microphone whose clock is wrong by some parts per million, all synthetic: at
every whole second the cameras flash and the microphone clicks at the same instant. The sound is
stamped by when it arrives, as a real card's is. The package is read back second by second.
With --pulse the sound goes through PulseAudio, PortAudio and the real recorder of microphones.
Run: make soak MINUTES=30 PPM=100; the exit code is honest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from capture.testcard import is_flash
from tests.hardware_fixtures import pulse_server
from tests.process.classroom import UNIT_NICENESS, Classroom, classroom, weigh_session

OFFSET_LIMIT_S = 0.040
DRIFT_LIMIT_PPM = 30.0
#: Warm-up is over after this share of the run; growth is counted from there on.
WARM_SHARE = 0.2
#: Allocators breathe; a leak of one 1 kB object a frame would be 27 MB in half an hour.
GROWTH_LIMIT_KIB = 8 * 1024
CLICK_LEVEL = 0.4
#: Characters of the agent's log that explain a gap.
LOG_TAIL = 20_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: resident memory and open descriptors."""

    name: str
    rss_kib: int
    descriptors: int


def usage(pid: int, name: str) -> Usage:
    status = Path(f"/proc/{pid}/status").read_text()
    rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return Usage(name, int(rss), len(list(Path(f"/proc/{pid}/fd").iterdir())))


def everybody(room: Classroom, tracks: list[str]) -> list[Usage]:
    """The median of some looks: a file that is open, or closed, for an instant is no growth."""
    assert room.agent is not None
    pids = {"supervisor": room.agent.pid, **{each: room.recorder_pid(each) for each in tracks}}
    looks = []
    for _ in range(10):
        looks.append([usage(pid, name) for name, pid in pids.items()])
        time.sleep(0.3)
    return [
        Usage(
            name,
            round(statistics.median(each.rss_kib for each in of)),
            round(statistics.median(each.descriptors for each in of)),
        )
        for name, of in zip(pids, zip(*looks, strict=True), strict=True)
    ]


def flashes(file: Path) -> list[float]:
    """Seconds of package time at which a camera's flash begins."""
    found, lit = [], False
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            now = is_flash(frame)
            if now and not lit:
                found.append(float(frame.time or 0.0))
            lit = now
    return found


def clicks(file: Path) -> list[float]:
    """Seconds of package time at which a click begins, to the sample."""
    found: list[float] = []
    with av.open(str(file)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray()[0]) > CLICK_LEVEL
            if loud.any():
                at = float(frame.time or 0.0) + int(loud.argmax()) / frame.sample_rate
                if not found or at - found[-1] > 0.5:
                    found.append(at)
    return found


def offsets(pictures: list[float], sounds: list[float]) -> Iterator[float]:
    """Sound minus picture for each second in which both are there."""
    heard = iter(sounds)
    sound = next(heard, None)
    for picture in pictures:
        while sound is not None and sound < picture - 0.5:
            sound = next(heard, None)
        if sound is not None and sound < picture + 0.5:
            yield sound - picture


def growth(before: list[Usage], after: list[Usage]) -> list[str]:
    """What grew more than it may."""
    problems = []
    for old, new in zip(before, after, strict=True):
        grown = new.rss_kib - old.rss_kib
        print(
            f"{new.name:12} memory {old.rss_kib / 1024:6.1f} → {new.rss_kib / 1024:6.1f} MiB,"
            f" descriptors {old.descriptors} → {new.descriptors}"
        )
        if grown > GROWTH_LIMIT_KIB:
            problems.append(f"{new.name} grew by {grown / 1024:.1f} MiB")
        if new.descriptors > old.descriptors:
            problems.append(f"{new.name} holds more descriptors than before")
    return problems


@contextmanager
def pulse_microphone(
    folder: Path, ppm: float
) -> Iterator[tuple[dict[str, Any], Mapping[str, str]]]:
    """A source of a sound server of our own, fed from a pipe: its track, and its environment."""
    with pulse_server(folder) as server:
        _like_hardware(server.process.pid)  # the thread that reads the pipe inherits it
        pipe = folder / "samples"
        server.pactl(
            "load-module",
            "module-pipe-source",
            "source_name=clicks",
            f"file={pipe}",
            "format=s16le",
            "rate=48000",
            "channels=1",
        )
        command = [sys.executable, "-m", "tests.clicking_microphone", str(pipe), str(ppm)]
        with subprocess.Popen(command) as player:
            _like_hardware(player.pid)
            try:
                yield {"kind": "microphone", "device": "pulse:clicks"}, server.env
            finally:
                player.kill()


def _like_hardware(pid: int) -> None:
    """A sound card does not wait for a processor."""
    with suppress(PermissionError):  # without root the computer must be at rest
        os.setpriority(os.PRIO_PROCESS, pid, -15)
        weigh_session(pid, -15)


@contextmanager
def synthetic_microphone(ppm: float) -> Iterator[tuple[dict[str, Any], Mapping[str, str]]]:
    options = {"stream": "audio", "click": "1", "ppm": str(ppm), "stamps": "arrival"}
    yield {"kind": "synthetic", "options": options}, {}


def run(minutes: float, ppm: float, folder: Path, pulse: bool) -> list[str]:
    """One lecture; everything that is wrong with it."""
    heard = pulse_microphone(folder / "pulse", ppm) if pulse else synthetic_microphone(ppm)
    with heard as (microphone, env):
        return record(minutes, ppm, folder, microphone, env)


def record(
    minutes: float, ppm: float, folder: Path, microphone: dict[str, Any], env: Mapping[str, str]
) -> list[str]:
    camera = {"kind": "synthetic", "size": [320, 180], "fps": 25.0}
    tracks = {
        "camera": camera,
        "slides": {**camera, "fps": 10.0, "flavor": "presentation/source"},
        "microphone": microphone,
    }
    with classroom(folder, tracks, env=env) as room:
        room.niceness = UNIT_NICENESS if os.geteuid() == 0 else 0
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        time.sleep(minutes * 60 * WARM_SHARE)
        warm = everybody(room, list(tracks))
        time.sleep(minutes * 60 * (1 - WARM_SHARE))
        problems = growth(warm, everybody(room, list(tracks)))
        dropped = {name: room.track(name)["dropped"] for name in tracks}
        room.command("stop")
        package = room.package(lecture)
        if gaps := room.manifest(lecture)["gaps"]:
            problems.append(f"gaps: {gaps}")
            print(room.log()[-LOG_TAIL:])
        print(f"dropped samples: {dropped}")
        problems += clock(room.manifest(lecture)["sound"], ppm)
        for name in ("presenter.mp4", "presentation.mp4"):
            problems += together(name, flashes(package / name), clicks(package / "audio.m4a"))
    return problems


def clock(sound: list[dict[str, float]], ppm: float) -> list[str]:
    """Whether the manifest tells how wrong the microphone's clock was."""
    told = [each.get("clockDriftPpm") for each in sound]
    print(f"the manifest says that the clock was {told} ppm fast")
    good = len(told) == 1 and told[0] is not None and abs(told[0] - ppm) < DRIFT_LIMIT_PPM
    return [] if good else [f"the clock was {ppm} ppm fast, the manifest says {told}"]


def together(name: str, pictures: list[float], sounds: list[float]) -> list[str]:
    """Print the offsets of a file and say what is wrong with them."""
    found = list(offsets(pictures, sounds))
    problems = []
    if len(found) < max(1, len(sounds) - 3, len(pictures) - 3):
        told = f"{len(found)} of {len(pictures)} flashes and {len(sounds)} clicks"
        problems = [f"{name}: only {told} could be compared"]
    if not found:
        return problems
    worst = max(found, key=abs)
    print(
        f"{name:18} {len(found)} seconds, sound minus picture:"
        f" median {statistics.median(found) * 1e3:+.1f} ms, worst {worst * 1e3:+.1f} ms,"
        f" first {found[0] * 1e3:+.1f} ms, last {found[-1] * 1e3:+.1f} ms"
    )
    apart = [second for second, offset in enumerate(found) if abs(offset) >= OFFSET_LIMIT_S]
    if apart:
        seconds = ", ".join(str(second) for second in apart[:20])
        problems.append(
            f"{name}: {len(apart)} seconds apart, {worst * 1e3:+.1f} ms at most: {seconds}"
        )
    return problems


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--ppm", type=float, default=100.0)
    parser.add_argument("--pulse", action="store_true", help="sound through a real sound server")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        problems = run(chosen.minutes, chosen.ppm, Path(name), chosen.pulse)
    for problem in problems:
        print(f"PROBLEM {problem}")
    print("passed" if not problems else "failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
