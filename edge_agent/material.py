"""What the recorders left of a lecture: the segments of each track and where they lie in time.

Reads the heads of the files only, never the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.finish_messages import FinishJob, FinishTrack
from edge_agent.messages import Media
from edge_agent.rules.timeline import SECOND, Cause, Span, Timeline, build, merge
from encoders.boxes import Index, read_index
from encoders.encoder import AUDIO_FRAME, AUDIO_RATE

#: A run of sound begins one packet after its first stamp (AAC's priming).
PRIMING_NS = AUDIO_FRAME * SECOND // AUDIO_RATE


@dataclass(slots=True)
class Material:
    """By track name; only tracks that have media are in it."""

    timeline: Timeline
    tracks: list[FinishTrack] = field(default_factory=list)
    segments: dict[str, list[Path]] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    packets: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    damage: list[Cause] = field(default_factory=list)

    def fps(self, track: str) -> float:
        """Pictures per recorded second, on average."""
        seconds = sum(span.end_ns - span.start_ns for span in self.spans[track]) / SECOND
        return round(self.packets[track] / seconds, 3) if seconds > 0 else 0.0


@dataclass(slots=True)
class _Track:
    track: FinishTrack
    segments: list[tuple[Path, Index]] = field(default_factory=list)
    damage: list[Cause] = field(default_factory=list)

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
    found = [_read(lecture, track) for track in [*job.tracks, *strays]]
    found = [track for track in found if track.segments]
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
        material.damage += each.damage
    return material


def _read(lecture: Path, track: FinishTrack) -> _Track:
    """The track's whole segments in the order of their media, and what is damaged."""
    result = _Track(track)
    reached = 0
    hurt: str | None = None
    for path in sorted((lecture / "tracks" / track.name).glob("*.mp4")):
        index = read_index(path)
        if index.pieces:
            if hurt is not None:
                result.damage.append(Cause(track.name, reached, index.start_ns, hurt))
                hurt = None
            result.segments.append((path, index))
            reached = index.end_ns
        if not index.pieces or index.length != path.stat().st_size:
            hurt = f"{path.name} is damaged"
    if hurt is not None:
        result.damage.append(Cause(track.name, reached, None, hurt))
    result.segments.sort(key=lambda segment: segment[1].start_ns)
    return result


def _media(folder: Path) -> Media:
    for path in folder.glob("*.mp4"):
        index = read_index(path)
        if index.pieces:
            return "audio" if index.timescale == AUDIO_RATE else "video"
    return "video"
