"""Which microphone is heard when in the files that carry the main one's sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.finish_messages import FinishJob, FinishTrack
from edge_agent.material import Material
from edge_agent.rules import stand_in as rules
from edge_agent.rules.manifest import StandInEntry
from edge_agent.rules.package import microphones
from edge_agent.rules.timeline import SECOND
from encoders import remux


@dataclass(frozen=True, slots=True)
class Mix:
    """The backup is heard in these stretches, the main microphone in all others."""

    main: FinishTrack
    backup: FinishTrack
    stretches: list[rules.StandIn]

    def source(self, material: Material) -> remux.StandIn:
        spans = [(each.start_ns, each.end_ns) for each in self.stretches]
        return remux.StandIn(material.segments[self.backup.name], spans)

    def entries(self, job: FinishJob, material: Material) -> Iterator[StandInEntry]:
        place = material.timeline
        for it in self.stretches:
            at_ns = max(0, place.at(it.start_ns))
            yield StandInEntry(
                track=self.main.name,
                by=self.backup.name,
                why=it.why,
                at=_seconds(at_ns),
                duration=_seconds(place.at(it.end_ns) - at_ns),
                lecture_start=_seconds(it.start_ns - job.start_ns),
                lecture_end=_seconds(it.end_ns - job.start_ns),
            )


def mix(job: FinishJob, material: Material) -> Mix | None:
    """None: the main microphone alone."""
    main, backup = microphones(material.tracks)
    if main is None or backup is None:
        return None
    stretches = rules.stand_ins(
        material.spans[main.name],
        _warned(job, main.name),
        material.spans[backup.name],
        _warned(job, backup.name),
        material.timeline.end_ns,
    )
    return Mix(main, backup, stretches) if stretches else None


def _warned(job: FinishJob, track: str) -> list[rules.Warned]:
    return [
        rules.Warned(it.start_ns, it.end_ns, it.what) for it in job.warnings if it.track == track
    ]


def _seconds(ns: int) -> float:
    return round(ns / SECOND, 3)
