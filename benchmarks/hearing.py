"""What it costs to listen: a microphone's live measures, and those of a finished track.

CPU time of this process as a share of the sound's length, the median of RUNS runs.
`python -m benchmarks.hearing [RUNS] [SECONDS]`
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from capture.hearing import Hearing
from capture.testsound import load_speech
from edge_agent.sound_measure import measure

RATE, BLOCK = 48_000, 960


def frames(seconds: int, channels: int) -> list[av.AudioFrame]:
    """Speech in blocks of 20 ms, as a microphone gives them."""
    wave = np.rint(np.resize(load_speech(), seconds * RATE) * 32767).astype(np.int16)
    made = []
    for number, block in enumerate(wave.reshape(-1, BLOCK)):
        frame = av.AudioFrame.from_ndarray(
            np.repeat(block, channels).reshape(1, -1),
            format="s16",
            layout="stereo" if channels == 2 else "mono",
        )
        frame.sample_rate, frame.pts = RATE, number * BLOCK * 1_000_000_000 // RATE
        made.append(frame)
    return made


def live(sound: list[av.AudioFrame]) -> None:
    hearing = Hearing(RATE)
    for frame in sound:
        hearing.add(frame)


def packaged(sound: list[av.AudioFrame], path: Path) -> None:
    """An AAC file as the package has it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 96_000
        for number, frame in enumerate(sound):
            frame.pts, frame.time_base = number * BLOCK, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def share(work: Callable[[], object], runs: int, seconds: int) -> float:
    """CPU seconds for each second of sound."""
    spent = []
    for _ in range(runs):
        before = time.process_time()
        work()
        spent.append((time.process_time() - before) / seconds)
    return statistics.median(spent)


def main(arguments: list[str]) -> None:
    runs = int(arguments[0]) if arguments else 5
    seconds = int(arguments[1]) if len(arguments) > 1 else 120
    for channels in (1, 2):
        sound = frames(seconds, channels)
        cost = share(lambda it=sound: live(it), runs, seconds)  # type: ignore[misc]
        print(f"live, {channels} channel(s): {cost:.2%} of a core")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audio.m4a"
        packaged(frames(seconds, 1), file)
        cost = share(lambda: measure(file, "mic", None, lambda: None), runs, seconds)
        print(f"a finished track: {cost * 3600:.0f} s of CPU for an hour")


if __name__ == "__main__":
    main(sys.argv[1:])
