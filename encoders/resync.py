"""Keep sound on the time line: as many samples come out as the capture stamps say passed.

A sound card's clock is off by up to some hundred ppm (1 s in 3 h). Small errors are stretched
away softly (at most 1000 samples a second), holes above 0.1 s are filled with silence, overlaps
above 0.1 s are cut. Never tells the time by counting samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.filter import Graph
from av.filter.context import FilterContext

NANO = 1_000_000_000
TICK = Fraction(1, NANO)
#: A longer hole is filled in steps, so that filling an hour takes no more memory than a second.
STEP_NS = NANO


class FormatChanged(Exception):
    """One Resync serves one format; sound of another one needs a new track run."""


class Resync:
    """Sound of any format in; float planar blocks of `block` samples out, in steps of `block`."""

    def __init__(self, layout: str, rate: int, block: int) -> None:
        self._layout = layout
        self._rate = rate
        self._block = block
        self._graph: Graph | None = None
        self._source: FilterContext | None = None
        self._sink: FilterContext | None = None
        self._format: tuple[str, str, int] | None = None
        self._next_out: int | None = None
        self._expected_ns: int | None = None

    def push(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        assert frame.pts is not None
        start_ns = round(frame.pts * (frame.time_base or TICK) * NANO)
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._format is None:
            self._open(form)
            self._next_out = round(start_ns * self._rate / NANO)
        elif form != self._format:
            raise FormatChanged(f"the sound's format changed from {self._format} to {form}")
        yield from self._bridge(form, start_ns)
        yield from self._feed(frame, start_ns)
        self._expected_ns = start_ns + frame.samples * NANO // frame.sample_rate

    def end(self) -> Iterator[AudioFrame]:
        """What is left, the last block as short as it is."""
        if self._source is not None:
            self._source.push(None)
            yield from self._pull()

    def _bridge(self, form: tuple[str, str, int], until_ns: int) -> Iterator[AudioFrame]:
        """Fill a hole of more than a step with stamped silence."""
        name, layout, rate = form
        while self._expected_ns is not None and until_ns - self._expected_ns > STEP_NS:
            quiet = silence(name, layout, rate, rate)
            yield from self._feed(quiet, self._expected_ns)
            self._expected_ns += STEP_NS

    def _feed(self, frame: AudioFrame, start_ns: int) -> Iterator[AudioFrame]:
        assert self._source is not None
        pts, base = frame.pts, frame.time_base or TICK
        frame.pts, frame.time_base = start_ns, TICK
        self._source.push(frame)
        frame.pts, frame.time_base = pts, base
        yield from self._pull()

    def _pull(self) -> Iterator[AudioFrame]:
        assert self._sink is not None
        while True:
            try:
                block = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(block, AudioFrame)
            assert self._next_out is not None
            block.pts, block.time_base = self._next_out, Fraction(1, self._rate)
            self._next_out += block.samples
            yield block

    def _open(self, form: tuple[str, str, int]) -> None:
        name, layout, rate = form
        graph = Graph()
        source = graph.add_abuffer(sample_rate=rate, format=name, layout=layout, time_base=TICK)
        follow = graph.add("aresample", f"{self._rate}:async=1000")
        shape = graph.add(
            "aformat",
            f"sample_fmts=fltp:channel_layouts={self._layout}:sample_rates={self._rate}",
        )
        blocks = graph.add("asetnsamples", f"n={self._block}:p=0")
        sink = graph.add("abuffersink")
        graph.link_nodes(source, follow, shape, blocks, sink)
        graph.configure()
        self._graph, self._source, self._sink, self._format = graph, source, sink, form


def silence(name: str, layout: str, rate: int, samples: int) -> AudioFrame:
    frame = AudioFrame(name, AudioLayout(layout), samples)
    frame.sample_rate = rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame
