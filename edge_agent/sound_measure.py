"""How a finished track sounds: loudness, true peak and speech, measured from the file itself.

The package is what people will hear, and it is there whole whatever happened to the recorders; so
what it says of itself is read from it, once, by the finisher at its low priority. What recorders
measure while they record serves the people in the room.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av

from capture.loudness import NOTHING, LoudnessMeter
from capture.speech import SpeechMeter
from edge_agent.finish_messages import TrackSound


def measure(
    file: Path, track: str, drift_ppm: float | None, alive: Callable[[], None]
) -> TrackSound:
    """Of a file with one sound track. `alive` is called for each frame. Raises av.FFmpegError."""
    loudness: LoudnessMeter | None = None
    speech = SpeechMeter()
    with av.open(str(file)) as container:
        for frame in container.decode(audio=0):
            if loudness is None:
                loudness = LoudnessMeter(frame.format.name, frame.layout.name, frame.sample_rate)
            for piece in loudness.push(frame):
                speech.add(piece)
            alive()
    if loudness is None:
        return TrackSound(track=track, drift_ppm=drift_ppm)
    found = loudness.loudness
    return TrackSound(
        track=track,
        loudness_lufs=round(found.integrated, 1) if found.integrated > NOTHING else None,
        true_peak_dbtp=round(found.true_peak, 1),
        speech_ratio=round(speech.speech_s / speech.heard_s, 3) if speech.heard_s else None,
        drift_ppm=drift_ppm,
    )
