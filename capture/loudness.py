"""How loud it is to the ear: EBU R128 by FFmpeg's `ebur128`, and the same sound for other ears.

Costs 0.2 % of a core with true peak (0.4 % for two channels), so nothing of it is written by us.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from capture.speech import RATE

#: LUFS: FFmpeg's word for nothing heard, and the gate of the integrated loudness.
NOTHING = -70.0
#: dBTP of digital silence.
NO_PEAK = -120.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """LUFS of the last 0.4 s and 3 s and of all since the beginning; the highest peak in dBTP."""

    momentary: float = NOTHING
    short_term: float = NOTHING
    integrated: float = NOTHING
    true_peak: float = NO_PEAK


class LoudnessMeter:
    """Follows one sound of one format; begins anew with every instance."""

    def __init__(self, form: str, layout: str, rate: int) -> None:
        graph = Graph()
        self._rate = rate
        self._count = 0
        self._source: FilterContext = graph.add_abuffer(
            sample_rate=rate, format=form, layout=layout, time_base=Fraction(1, rate)
        )
        meter = graph.add("ebur128", "metadata=1:peak=true")
        shape = graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={RATE}")
        self._sink: FilterContext = graph.add("abuffersink")
        graph.link_nodes(self._source, meter, shape, self._sink)
        graph.configure()
        self._graph = graph
        self.loudness = Loudness()

    def push(self, frame: AudioFrame) -> Iterator[NDArray[np.int16]]:
        """Measure; the same sound comes out as 48 kHz mono, in pieces of 0.1 s."""
        pts, base = frame.pts, frame.time_base
        frame.pts, frame.time_base = self._count, Fraction(1, self._rate)
        self._count += frame.samples
        self._source.push(frame)
        frame.pts = pts
        if base is not None:
            frame.time_base = base
        while True:
            try:
                piece = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(piece, AudioFrame)
            self._note(piece)
            yield piece.to_ndarray()[0]

    def _note(self, piece: AudioFrame) -> None:
        told = piece.metadata
        self.loudness = Loudness(
            momentary=_number(told.get("lavfi.r128.M"), NOTHING),
            short_term=_number(told.get("lavfi.r128.S"), NOTHING),
            integrated=_number(told.get("lavfi.r128.I"), NOTHING),
            true_peak=_decibels(told.get("lavfi.r128.true_peak")),
        )


def _number(text: str | None, least: float) -> float:
    """FFmpeg says "-inf" and "nan" of silence."""
    value = float(text) if text is not None else least
    return max(least, value) if math.isfinite(value) else least


def _decibels(text: str | None) -> float:
    """Of an amplitude: three decimals, so all below -60 dBTP is digital silence to it."""
    amplitude = float(text) if text is not None else 0.0
    return 20 * math.log10(amplitude) if amplitude > 0 else NO_PEAK
