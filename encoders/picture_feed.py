"""The pictures of a track in package time: copies of its segments, slates where nothing is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from encoders.boxes import Sample, header, read_index, samples
from encoders.encoder import VIDEO_SCALE
from encoders.feed import Count, Placement, Timed, made
from encoders.headers import reference
from encoders.inserts import parameter_sets, slate, way, with_sets
from encoders.recode import recoded_pictures
from encoders.rotation import SECOND

#: A first picture that comes later than this gets a slate before it.
LATE_NS = SECOND
#: So long the last picture is held when none comes; then a slate says so.
MISSING_NS = 3 * SECOND


@dataclass(frozen=True, slots=True)
class _Placed:
    sample: Sample
    dts: int


def shown(paths: Sequence[Path], place: Placement, count: Count) -> Iterator[Timed]:
    """Each picture lasts until the next one comes, the last one until the end."""
    pending: _Placed | None = None
    for placed in _placed(paths, place, count):
        if pending is not None:
            yield _timed(pending, placed.dts - pending.dts)
        pending = placed
    if pending is not None:
        yield _timed(pending, max(1, round(place.end_ns * VIDEO_SCALE / SECOND) - pending.dts))


def _timed(placed: _Placed, duration: int) -> Timed:
    sample = placed.sample
    pts = placed.dts + sample.pts - sample.dts
    packet = made(sample.data, pts, placed.dts, duration, sample.key, VIDEO_SCALE)
    return placed.dts * SECOND // VIDEO_SCALE, 0, packet


def _placed(paths: Sequence[Path], place: Placement, count: Count) -> Iterator[_Placed]:
    """The pictures in package time, parameter sets in band where they change."""
    runs = _runs(paths, place)
    in_band = any(run.slate for run in runs) or len({run.header for run in runs}) > 1
    codecs = _codecs(runs)
    sets: dict[bytes, bytes] = {}
    first = codecs[header(reference(paths))]
    last = -1
    for run in runs:
        if run.slate is not None:
            last = max(0, last + 1, _ticks(run.slate_ns))
            count.filled += 1
            yield _Placed(run.slate, last)
        if run.path is None:
            continue
        if codecs[run.header] != first:
            found = _recoded(run.path, first, count)
        else:
            if in_band and run.header not in sets:
                sets[run.header] = parameter_sets(run.path)
            found = _copied(run.path, sets.get(run.header, b""), count)
        for sample, scale in found:
            dts = _ticks(place.at(round(sample.dts * SECOND / scale)))
            # The first picture stands from the beginning on.
            dts = 0 if last < 0 else max(dts, last + 1)
            last = dts
            yield _Placed(sample, dts)


@dataclass(frozen=True, slots=True)
class _Run:
    """A segment, or none at the end; before it a slate, from that package time on."""

    path: Path | None
    header: bytes
    slate: Sample | None = None
    slate_ns: int = 0


def _runs(paths: Sequence[Path], place: Placement) -> list[_Run]:
    """The segments, and a slate where there was no picture: late, in a hole, or until the end."""
    runs: list[_Run] = []
    reached, before = 0, paths[0]
    for path in paths:
        index = read_index(path)
        missing = place.at(index.start_ns) - reached > (MISSING_NS if runs else LATE_NS)
        # Pictures that refer to those before them need them; only a key frame can follow a slate.
        cut = missing and next(iter(samples(path))).key
        runs.append(_Run(path, header(path), slate(before) if cut else None, reached))
        reached, before = max(reached, place.at(index.end_ns)), path
    if place.end_ns - reached > MISSING_NS:
        runs.append(_Run(None, runs[-1].header, slate(before), reached))
    return runs


def _codecs(runs: Sequence[_Run]) -> dict[bytes, str]:
    """By header: equal headers are asked once."""
    found: dict[bytes, str] = {}
    for run in runs:
        if run.path is not None and run.header not in found:
            found[run.header] = way(run.path)[0]
    return found


def _copied(path: Path, sets: bytes, count: Count) -> Iterator[tuple[Sample, int]]:
    """A segment's pictures with their timescale, these parameter sets in front of key frames."""
    index = read_index(path)
    count.expected += index.packets
    for sample in samples(path):
        count.copied += 1
        data = with_sets(sets, sample.data) if sample.key else sample.data
        yield replace(sample, data=data), index.timescale


def _recoded(path: Path, codec: str, count: Count) -> Iterator[tuple[Sample, int]]:
    for sample in recoded_pictures(path, codec):
        count.recoded += 1
        yield sample, VIDEO_SCALE


def _ticks(ns: int) -> int:
    return round(ns * VIDEO_SCALE / SECOND)
