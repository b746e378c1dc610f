"""All that is known of one microphone's sound while it comes: level, loudness, voice, clock.

Costs half a percent of a core. It never touches the sound: what is recorded passes by untouched.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import av
import numpy as np

from capture.drift import Drift
from capture.levels import Level, Meter, channels_of
from capture.loudness import Loudness, LoudnessMeter
from capture.speech import CUT_OFF, SpeechMeter

CLIPPING_BLOCKS = 150  # of 20 ms: the last three seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard since the beginning, and what is being heard."""

    loudness: Loudness
    speaking: bool
    speech_s: float
    heard_s: float
    #: A steady tone with few overtones: mains hum.
    tonal: bool
    #: Share of the samples of the last three seconds that were cut off.
    clipped: float
    drift_ppm: float | None


class Hearing:
    """Feed it every frame of a microphone, packed s16."""

    def __init__(self, rate: int) -> None:
        self._levels = Meter(rate)
        self._drift = Drift(rate)
        self._speech = SpeechMeter()
        self._loudness: LoudnessMeter | None = None
        self._form: tuple[str, str, int] | None = None
        self._clipped: deque[float] = deque(maxlen=CLIPPING_BLOCKS)

    def begin(self) -> None:
        """A recording begins: loudness, peak and the seconds of speech are counted anew."""
        self._loudness = None
        self._speech.count_anew()

    def add(self, frame: av.AudioFrame) -> list[Level]:
        """Levels of the blocks of 0.1 s that this frame completes."""
        samples = channels_of(frame)
        if samples.size:
            cut = np.count_nonzero((samples >= CUT_OFF) | (samples <= -CUT_OFF))
            self._clipped.append(cut / samples.size)
        self._drift.add(frame.pts or 0, frame.samples)
        for piece in self._meter_for(frame).push(frame):
            self._speech.add(piece)
        return self._levels.add(frame)

    @property
    def heard(self) -> Heard:
        return Heard(
            loudness=self._loudness.loudness if self._loudness else Loudness(),
            speaking=self._speech.speaking,
            speech_s=self._speech.speech_s,
            heard_s=self._speech.heard_s,
            tonal=self._speech.tonal,
            clipped=sum(self._clipped) / max(1, len(self._clipped)),
            drift_ppm=self._drift.ppm,
        )

    def _meter_for(self, frame: av.AudioFrame) -> LoudnessMeter:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._loudness is None or form != self._form:
            self._loudness, self._form = LoudnessMeter(*form), form
        return self._loudness
