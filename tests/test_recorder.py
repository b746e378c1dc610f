"""Laws of the recorder's loop, with a source of its own."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import av
import numpy as np

from capture.source import NS, TIME_BASE, Frame, Sample, SourceInfo
from edge_agent import messages as say
from edge_agent.pipes import Inlet, Outlet
from edge_agent.recorder import Recorder
from encoders.boxes import segment_facts

RATE, BLOCK = 48_000, 960


class Late:
    """A microphone whose sound was all captured some time ago, and waits in the queue."""

    def __init__(self, first_ns: int, seconds: int) -> None:
        self._due = [
            first_ns + number * BLOCK * NS // RATE for number in range(seconds * RATE // BLOCK)
        ]
        self._over = threading.Event()

    def open(self) -> SourceInfo:
        return SourceInfo(media="audio", description="", identity="", sample_rate=RATE, channels=1)

    def read(self) -> Sample:
        while not self._due:
            self._over.wait()
        silence = np.zeros((1, BLOCK), np.int16)
        frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, TIME_BASE
        frame.pts = self._due.pop(0)
        return frame

    def decode(self, sample: Sample) -> list[Frame]:
        return [sample] if isinstance(sample, av.AudioFrame) else []

    def close(self) -> None:
        self._over.set()


def test_what_was_captured_before_the_stop_is_recorded_however_far_the_recorder_is_behind(
    tmp_path: Path,
) -> None:
    seconds, epoch_ns = 6, time.monotonic_ns() - 40 * NS
    start_ns, end_ns = epoch_ns + NS, epoch_ns + (1 + seconds) * NS
    commands, words = os.pipe()
    reading, reports = os.pipe()
    for word in (
        say.Record(
            lecture="L1", directory=str(tmp_path), epoch_ns=epoch_ns, start_mono_ns=start_ns
        ),
        say.Finish(at_mono_ns=end_ns),
        say.Quit(),
    ):
        os.write(words, word.line())
    spec = say.RecorderSpec(track="room", media="audio", kind="microphone", preview="", lock="")
    Recorder(spec, Late(start_ns, seconds + 1), Inlet(commands), Outlet(reports)).run()
    for pipe in (commands, words, reading, reports):
        os.close(pipe)
    facts = segment_facts(tmp_path / "000001.mp4")
    assert facts is not None
    assert facts.end_ns >= (1 + seconds) * NS - 1024 * NS // RATE
