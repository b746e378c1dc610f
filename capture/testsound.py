"""The synthetic microphone: a melody of soft tones or a spoken clip, and a click each second.

The click starts at every whole second of the monotonic clock. Blocks are 20 ms. A clock error in
parts per million makes more or fewer samples per second, with honest stamps, as sound cards do.
No clock is read here.
"""

from __future__ import annotations

from importlib import resources

import av
import numpy as np
from numpy.typing import NDArray

from capture.source import NS, TIME_BASE

RATE = 48_000
BLOCK = 960
LEVEL = 0.1  # of full scale: -20 dBFS peak
CLICK = 0.7
CLICK_SAMPLES = 48
NOTES = (220.0, 277.2, 329.6, 277.2)  # Hz, one a second

Mono = NDArray[np.float64]


class TestSound:
    """Makes 20 ms blocks; block n begins at `start(n)` of the monotonic clock."""

    __test__ = False

    def __init__(self, channels: int, ppm: float, speech: bool, click: bool) -> None:
        self._channels = channels
        self._rate = RATE * (1 + ppm * 1e-6)
        self._clip = load_speech() if speech else None
        self._click = click

    def start(self, n: int) -> int:
        return round(n * BLOCK * NS / self._rate)

    def due(self, n: int) -> int:
        return self.start(n + 1)  # a block exists when its last sample was heard

    def number(self, at_ns: int) -> int:
        return int(at_ns * self._rate / (NS * BLOCK))

    def make(self, n: int, dark: bool) -> av.AudioFrame:
        mono = np.zeros(BLOCK) if dark else self._sound(n)
        if self._click and not dark:
            self._add_click(mono, n)
        samples = np.rint(np.clip(mono, -1, 1) * 32767).astype(np.int16)
        packed = np.repeat(samples, self._channels).reshape(1, -1)
        layout = "stereo" if self._channels == 2 else "mono"
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate = RATE
        frame.pts = self.start(n)
        frame.time_base = TIME_BASE
        return frame

    def _sound(self, n: int) -> Mono:
        index = np.arange(n * BLOCK, (n + 1) * BLOCK, dtype=np.int64)
        if self._clip is not None:
            return self._clip[index % self._clip.size].astype(np.float64)
        second = index // RATE
        note = np.asarray(NOTES)[second % len(NOTES)]
        place = (index % RATE) / RATE
        swell = np.sin(np.pi * place) ** 0.5  # no step between two notes
        return np.asarray(LEVEL * swell * np.sin(2 * np.pi * note * place))

    def _add_click(self, mono: Mono, n: int) -> None:
        begin, end = self.start(n), self.start(n + 1)
        second = -(-begin // NS) * NS
        if second < end:
            at = round((second - begin) * self._rate / NS)
            mono[at : at + CLICK_SAMPLES] = CLICK
        elif (begin // NS) * NS > self.start(
            n - 1
        ):  # its tail, when it began at the last block's end
            at = CLICK_SAMPLES - round((begin - begin // NS * NS) * self._rate / NS)
            mono[: max(0, at)] = CLICK


def load_speech() -> NDArray[np.float32]:
    """The bundled clip as mono floats at 48 kHz."""
    place = resources.files("capture").joinpath("data/speech.flac")
    with resources.as_file(place) as path, av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts = [
            out.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        ]
        parts += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)
