"""From lecture time to the time line of the finished package. Pure: no I/O, no clock.

Lecture time is nanoseconds since the lecture's *epoch*, which lies `START_NS` before the press of
the button: sound coders stamp their first packet a little before the first sample, and no time
stamp in a segment file may be negative.

Package time starts at 0 where the lecture starts. Stretches in which no track has media (pauses,
power cuts) are collapsed for all tracks alike, to a seam of `SEAM_NS`. Holes of single tracks stay.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SECOND = 1_000_000_000
#: Lecture time of the press of the button.
START_NS = SECOND
#: A stretch without any media that is longer than this is collapsed.
COLLAPSE_NS = SECOND
#: What is left of a collapsed stretch: three AAC packets, room for the last packet of the sound
#: before it and the priming of the sound after it, so that sound never shifts against pictures.
SEAM_NS = 64_000_000
#: A hole of a track shorter than this is not worth a word (encoders restart in less).
NOTICE_NS = 200_000_000
#: The cause of a gap that people have asked for, for privacy.
MUTED = "muted"


@dataclass(frozen=True, slots=True)
class Span:
    """Media of one track without a hole, lecture time."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Somebody's knowledge of why there may be a hole. `track` None: all; end None: open."""

    track: str | None
    start_ns: int
    end_ns: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole of a track. Lecture time, and where it lies in the package."""

    track: str
    start_ns: int
    end_ns: int
    at_ns: int
    cause: str
    collapsed: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The way from lecture time to package time. `cuts` are sorted and do not touch."""

    origin_ns: int
    end_ns: int
    cuts: tuple[Span, ...]

    def at(self, lecture_ns: int) -> int:
        """Package time of a lecture time; inside a cut it is the seam's place, never beyond."""
        removed = 0
        for cut in self.cuts[: bisect.bisect_left(self.cuts, lecture_ns, key=lambda c: c.start_ns)]:
            taken = cut.end_ns - cut.start_ns - SEAM_NS
            removed += min(taken, max(0, lecture_ns - cut.start_ns - SEAM_NS))
        return lecture_ns - self.origin_ns - removed

    @property
    def duration_ns(self) -> int:
        return self.at(self.end_ns)


def build(
    tracks: Iterable[Sequence[Span]], start_ns: int = START_NS, end_ns: int | None = None
) -> Timeline | None:
    """The time line of a lecture from `start_ns` to `end_ns`; None when there is no media.

    Media outside of these limits is never cut off: the limits give way.
    """
    spans = merge(span for track in tracks for span in track)
    if not spans:
        return None
    start = min(start_ns, spans[0].start_ns)
    end = max(end_ns or 0, spans[-1].end_ns)
    cuts = tuple(hole for hole in holes(spans, start, end) if _length(hole) > COLLAPSE_NS)
    # At the edges nothing has to be joined, so no seam is left there.
    if cuts and cuts[0].start_ns == start:
        start, cuts = cuts[0].end_ns, cuts[1:]
    if cuts and cuts[-1].end_ns == end:
        end, cuts = cuts[-1].start_ns, cuts[:-1]
    return Timeline(start, end, cuts)


def merge(spans: Iterable[Span], join_ns: int = 0) -> list[Span]:
    """Sorted spans; those that touch, overlap or lie within `join_ns` become one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start_ns, s.end_ns)):
        if span.end_ns <= span.start_ns:
            continue
        if merged and span.start_ns <= merged[-1].end_ns + join_ns:
            last = merged.pop()
            span = Span(last.start_ns, max(last.end_ns, span.end_ns))
        merged.append(span)
    return merged


def holes(spans: Sequence[Span], start_ns: int, end_ns: int) -> list[Span]:
    """What merged spans leave uncovered between start and end."""
    found = []
    reached = start_ns
    for span in spans:
        if span.start_ns > reached:
            found.append(Span(reached, min(span.start_ns, end_ns)))
        reached = max(reached, span.end_ns)
    if end_ns > reached:
        found.append(Span(reached, end_ns))
    return found


def gaps(
    timeline: Timeline,
    track: str,
    spans: Sequence[Span],
    causes: Sequence[Cause],
    start_ns: int,
    end_ns: int | None,
) -> list[Gap]:
    """The holes of one track with their causes, in order."""
    start = min(start_ns, timeline.origin_ns)
    end = max(end_ns or 0, timeline.end_ns)
    found = []
    for hole in holes(merge(spans, NOTICE_NS), start, end):
        if _length(hole) >= NOTICE_NS:
            found += _parts(timeline, track, hole, causes)
    return found


def muted(
    timeline: Timeline,
    track: str,
    spans: Sequence[Span],
    stretches: Iterable[tuple[int, int | None]],
) -> list[Gap]:
    """Where a track has black or silence because the room was muted; holes are `gaps`."""
    found = []
    for start_ns, end_ns in stretches:
        for span in merge(spans, NOTICE_NS):
            first = max(start_ns, span.start_ns)
            last = span.end_ns if end_ns is None else min(end_ns, span.end_ns)
            if first < last:
                found.append(Gap(track, first, last, max(0, timeline.at(first)), MUTED, False))
    return found


def _parts(timeline: Timeline, track: str, hole: Span, causes: Sequence[Cause]) -> list[Gap]:
    """A hole, split where a collapsed stretch begins or ends."""
    lost = [*timeline.cuts]
    lost.append(Span(-(1 << 62), timeline.origin_ns))
    lost.append(Span(timeline.end_ns, 1 << 62))
    edges = {hole.start_ns, hole.end_ns}
    edges |= {ns for cut in lost for ns in (cut.start_ns, cut.end_ns)}
    inside = sorted(ns for ns in edges if hole.start_ns <= ns <= hole.end_ns)
    parts = []
    for first, last in itertools.pairwise(inside):
        part = Span(first, last)
        collapsed = any(cut.start_ns <= first and last <= cut.end_ns for cut in lost)
        if _length(part) < NOTICE_NS and not collapsed:
            continue
        at = min(max(0, timeline.at(first)), timeline.duration_ns)
        parts.append(Gap(track, first, last, at, _cause(track, part, causes), collapsed))
    return parts


def _cause(track: str, hole: Span, causes: Sequence[Cause]) -> str:
    """The cause that covers most of the hole; the track's own wins over the lecture's."""
    best, best_rank = "unknown", (0, False)
    for cause in causes:
        if cause.track not in (None, track):
            continue
        end = hole.end_ns if cause.end_ns is None else min(cause.end_ns, hole.end_ns)
        covered = end - max(cause.start_ns, hole.start_ns)
        rank = (covered, cause.track is not None)
        if covered > 0 and rank > best_rank:
            best, best_rank = cause.cause, rank
    return best


def _length(span: Span) -> int:
    return span.end_ns - span.start_ns
