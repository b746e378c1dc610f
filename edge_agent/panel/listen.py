"""Ten seconds to hear of a lecture: the loudest of its first minute, as a small WAV file.

`python -m edge_agent.panel.listen FILE…` writes it to stdout. A child of the panel, because it
calls a decoder; what it cannot read it leaves out.
"""

from __future__ import annotations

import io
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_agent.spool import Spool

RATE = 16_000
LENGTH_S, FIRST_S = 10, 60
DEADLINE_S = 20.0


class NoSound(Exception):
    """There is nothing to hear, or it cannot be read in time."""


def files_of(spool: Spool, lecture: str, track: str) -> list[Path]:
    """The microphone's segments while they exist, then the package's sound."""
    segments = sorted(spool.track(lecture, track).glob("*.mp4"))
    whole = spool.package(lecture) / "audio.m4a"
    return segments or ([whole] if whole.exists() else [])


def ten_seconds(files: Sequence[Path]) -> bytes:
    """The WAV file. Waits for the child; raises NoSound."""
    command = [sys.executable, "-m", "edge_agent.panel.listen", *map(str, files)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoSound("the sound could not be read in time") from None
    if done.returncode or not done.stdout:
        raise NoSound("there is no sound in it")
    return done.stdout


def main(arguments: list[str]) -> int:
    samples = _decoded(arguments)
    sys.stdout.buffer.write(_wav(_loudest(samples)))
    return 0 if samples else 1


def _decoded(names: Sequence[str]) -> bytes:
    """Mono, 16 bit, at most a minute."""
    most = FIRST_S * RATE * 2
    found = bytearray()
    for name in names:
        for block in _blocks(name):
            found += block
            if len(found) >= most:
                return bytes(found[:most])
    return bytes(found)


def _blocks(name: str) -> Iterator[bytes]:
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    try:
        with av.open(name) as container:
            if not container.streams.audio:
                return
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().tobytes()
    except av.FFmpegError as error:
        print(f"{name}: {error}", file=sys.stderr)


def _loudest(samples: bytes) -> bytes:
    """The stretch with the most energy, whole seconds apart."""
    import numpy as np

    values = np.frombuffer(samples, "<i2").astype(np.float64)
    seconds = [float(np.sum(values[n : n + RATE] ** 2)) for n in range(0, len(values), RATE)]
    starts = range(max(1, len(seconds) - LENGTH_S + 1))
    best = max(starts, key=lambda start: sum(seconds[start : start + LENGTH_S]))
    return samples[best * RATE * 2 : (best + LENGTH_S) * RATE * 2]


def _wav(samples: bytes) -> bytes:
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples)
    return whole.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
