"""What an opened device really gives, measured for some seconds. Runs in a child: it may hang."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import av

from capture.drift import Drift
from capture.levels import SILENCE, Meter
from capture.source import NS, Sample, Source, SourceInfo
from capture.vision import moved, outline, preview_jpeg
from edge_agent.commands.verdict import Tried

#: A picture is missing where the next one comes later than this many of their usual distances.
HOLE = 1.6
#: Stamps of sound are true to some milliseconds.
SOUND_HOLE_NS = 20_000_000
#: Pictures are looked at so often: decoding each would slow a large camera down.
LOOK_NS = NS // 2
#: Kinds whose pictures come at a steady rate.
STEADY = ("v4l2", "rtsp")


@dataclass(frozen=True, slots=True)
class Measured:
    tried: Tried
    jpeg: bytes


def measure(source: Source, info: SourceInfo, kind: str, seconds: float) -> Measured:
    """Read for so long, at least one sample. Raises SourceError."""
    began_ns = time.monotonic_ns()
    meter = _Sound(info) if info.media == "audio" else _Pictures(info, kind)
    first_ns, count, late = 0, 0, [0.0]
    end_ns = began_ns + round(seconds * NS)
    while time.monotonic_ns() < end_ns or count == 0:
        sample = source.read()
        now_ns = time.monotonic_ns()
        first_ns = first_ns or now_ns
        late.append((now_ns - (sample.pts or now_ns)) / 1e6)
        count += 1
        meter.add(source, sample, last=now_ns + LOOK_NS >= end_ns)
    tried = Tried(
        media=info.media,
        promised=info.fps if info.media == "video" else info.sample_rate,
        seconds=round(seconds, 1),
        samples=count,
        first_ms=round((first_ns - began_ns) / 1e6),
        delay_ms=round(statistics.median(late[1:])),
        **meter.facts(),
    )
    return Measured(tried, meter.jpeg)


class _Pictures:
    def __init__(self, info: SourceInfo, kind: str) -> None:
        self._info, self._steady = info, kind in STEADY
        self._stamps: list[int] = []
        self._looked_ns = 0
        self._outline: Any = None
        self._moved: bool | None = None
        self._luma = self._spread = 0.0
        self.jpeg = b""

    def add(self, source: Source, sample: Sample, last: bool) -> None:
        stamp = sample.pts or 0
        self._stamps.append(stamp)
        # What a camera has encoded itself can be seen only from a key frame on, without a hole.
        every = self._info.delivers == "h264"
        if not (every or last or not self.jpeg or stamp >= self._looked_ns + LOOK_NS):
            return
        for frame in source.decode(sample):
            if isinstance(frame, av.VideoFrame) and (
                not self.jpeg or last or stamp >= self._looked_ns + LOOK_NS
            ):
                self._looked_ns = stamp
                self._look(frame)

    def _look(self, frame: av.VideoFrame) -> None:
        now = outline(frame)
        if self._outline is not None:
            self._moved = bool(self._moved) or moved(self._outline, now)
        self._outline = now
        self._luma, self._spread = float(now.mean()), float(now.std())
        self.jpeg = preview_jpeg(frame, full_range=self._info.full_range)

    def facts(self) -> Mapping[str, Any]:
        gaps = [after - before for before, after in pairwise(self._stamps)]
        usual = statistics.median(gaps) if gaps else 0
        missing = sum(round(gap / usual) - 1 for gap in gaps if usual and gap > HOLE * usual)
        return {
            "per_second": _rate(self._stamps),
            "missing": missing if self._steady else 0,
            "luma": round(self._luma, 1) if self.jpeg else None,
            "spread": round(self._spread, 1) if self.jpeg else None,
            "moved": self._moved,
        }


class _Sound:
    jpeg = b""

    def __init__(self, info: SourceInfo) -> None:
        self._rate = info.sample_rate or 48_000
        self._meter, self._drift = Meter(self._rate), Drift(self._rate)
        self._peak, self._powers = SILENCE, list[float]()
        self._next_ns: int | None = None
        self._missing = 0
        self._stamps: list[int] = []

    def add(self, source: Source, sample: Sample, last: bool) -> None:
        for frame in source.decode(sample):
            if isinstance(frame, av.AudioFrame):
                self._hear(frame)

    def _hear(self, frame: av.AudioFrame) -> None:
        stamp = frame.pts or 0
        self._stamps.append(stamp)
        if self._next_ns is not None and stamp - self._next_ns > SOUND_HOLE_NS:
            self._missing += round((stamp - self._next_ns) * self._rate / NS)
        self._next_ns = stamp + frame.samples * NS // self._rate
        self._drift.add(stamp, frame.samples)
        for level in self._meter.add(frame):
            self._peak = max(self._peak, level.peak)
            self._powers.append(10 ** (level.rms / 10))

    def facts(self) -> Mapping[str, Any]:
        mean = sum(self._powers) / len(self._powers) if self._powers else 0.0
        drift = self._drift.ppm
        return {
            "per_second": _rate(self._stamps),
            "missing": self._missing,
            "peak": round(self._peak, 1),
            "rms": round(max(SILENCE, 10 * math.log10(mean)), 1) if mean else SILENCE,
            "drift_ppm": None if drift is None else round(drift, 1),
        }


def _rate(stamps: list[int]) -> float:
    """Samples a second by their own stamps; what came before the first one is no part of it."""
    span_ns = stamps[-1] - stamps[0] if len(stamps) > 1 else 0
    return round((len(stamps) - 1) * NS / span_ns, 1) if span_ns else 0.0


def document(measured: Measured) -> dict[str, Any]:
    return asdict(measured.tried)
