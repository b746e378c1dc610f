"""What the recorders left of a lecture: the segments of each track and where they lie in time.

Reads the heads of the files only, never the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.finish_messages import DamagedSegment, FinishJob, FinishTrack, SegmentTimes
from edge_agent.messages import Media
from edge_agent.rules.timeline import SECOND, Cause, Span, Timeline, build, merge
from encoders.boxes import Index, read_index
from encoders.encoder import AUDIO_FRAME, AUDIO_RATE
from encoders.headers import unusable

#: A run of sound begins one packet after its first stamp (AAC's priming).
PRIMING_NS = AUDIO_FRAME * SECOND // AUDIO_RATE
#: What is wrong with a segment whose beginning can be used.
_PARTLY = "it is whole up to a damaged fragment only"


@dataclass(slots=True)
class Material:
    """By track name; only tracks that have media are in it, and what is damaged of any."""

    timeline: Timeline
    tracks: list[FinishTrack] = field(default_factory=list)
    segments: dict[str, list[Path]] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    packets: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    damage: list[Cause] = field(default_factory=list)
    damaged: list[DamagedSegment] = field(default_factory=list)

    def fps(self, track: str) -> float:
        """Pictures per recorded second, on average."""
        seconds = sum(span.end_ns - span.start_ns for span in self.spans[track]) / SECOND
        return round(self.packets[track] / seconds, 3) if seconds > 0 else 0.0


@dataclass(slots=True)
class _Track:
    track: FinishTrack
    segments: list[tuple[Path, Index]] = field(default_factory=list)
    damage: list[Cause] = field(default_factory=list)
    damaged: list[DamagedSegment] = field(default_factory=list)

    def spans(self) -> list[Span]:
        lead = PRIMING_NS if self.track.media == "audio" else 0
        indexes = [index for _, index in self.segments]
        return merge((Span(i.start_ns + lead, i.end_ns) for i in indexes), join_ns=2 * lead)


def gather(lecture: Path, job: FinishJob) -> Material | None:
    """Every whole segment of the lecture; None when there is none."""
    known = {track.name for track in job.tracks}
    strays = [
        FinishTrack(name=folder.name, flavor=f"{folder.name}/source", media=_media(folder))
        for folder in sorted((lecture / "tracks").glob("*/"))
        if folder.name not in known
    ]
    read = [_read(lecture, track) for track in [*job.tracks, *strays]]
    found = [track for track in read if track.segments]
    timeline = build([track.spans() for track in found], job.start_ns, job.end_ns)
    if timeline is None:
        return None
    material = Material(timeline)
    for each in found:
        name = each.track.name
        material.tracks.append(each.track)
        material.segments[name] = [path for path, _ in each.segments]
        material.spans[name] = each.spans()
        material.packets[name] = sum(index.packets for _, index in each.segments)
        material.bytes[name] = sum(index.length for _, index in each.segments)
    for each in read:
        material.damage += each.damage
        material.damaged += each.damaged
    return material


def _read(lecture: Path, track: FinishTrack) -> _Track:
    """The track's whole segments in the order of their media, and what is damaged."""
    result = _Track(track)
    reached = 0
    hurt: str | None = None
    for path, index, fault in _judged(lecture, track):
        if fault:
            result.damaged.append(DamagedSegment(track=track.name, name=path.name, what=fault))
        usable = index if fault in ("", _PARTLY) else None
        if usable is not None:
            if hurt is not None:
                result.damage.append(Cause(track.name, reached, usable.start_ns, hurt))
                hurt = None
            result.segments.append((path, usable))
            reached = usable.end_ns
        if fault:
            hurt = f"{path.name} is damaged"
    if hurt is not None:
        result.damage.append(Cause(track.name, reached, None, hurt))
    result.segments.sort(key=lambda segment: segment[1].start_ns)
    return result


def _judged(lecture: Path, track: FinishTrack) -> Iterator[tuple[Path, Index, str]]:
    """Each segment with what is wrong with it; nothing when it is whole."""
    paths = sorted((lecture / "tracks" / track.name).glob("*.mp4"))
    found = {path: read_index(path) for path in paths}
    some = [path for path, index in found.items() if index.pieces]
    headers = unusable(some, sound=track.media == "audio")
    times = {each.name: each for each in track.segments}
    for path, index in found.items():
        if not index.pieces:
            yield path, index, "no fragment of it is whole"
        elif path in headers:
            yield path, index, f"its header is damaged: {headers[path]}"
        elif not _in_its_place(index, times.get(path.name)):
            yield path, index, "its times are not those that the ledger says"
        else:
            yield path, index, "" if index.length == path.stat().st_size else _PARTLY


def _in_its_place(index: Index, known: SegmentTimes | None) -> bool:
    """A flipped bit in the first stamp would put it anywhere in the lecture."""
    return known is None or (index.start_ns == known.start_ns and index.end_ns <= known.end_ns)


def _media(folder: Path) -> Media:
    for path in folder.glob("*.mp4"):
        index = read_index(path)
        if index.pieces:
            return "audio" if index.timescale == AUDIO_RATE else "video"
    return "video"
