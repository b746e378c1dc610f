"""What a finisher must know of a lecture: the ledger's rows as one job."""

from __future__ import annotations

from edge_agent import __version__
from edge_agent.finish_messages import (
    FinishJob,
    FinishTrack,
    GapCause,
    LectureFacts,
    Mark,
    SegmentTimes,
    Stretch,
    TrackWarning,
)
from edge_agent.lecture_start import DETAILS
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import WITH_PACKAGE
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool


def finish_job(lecture: Lecture, ledger: Ledger, spool: Spool, institution: str) -> FinishJob:
    """Reads only. What is packaged already is only to get other words."""
    segments = ledger.segments(lecture.id)
    return FinishJob(
        lecture_dir=str(spool.lecture(lecture.id)),
        lecture=_facts(lecture, institution),
        tracks=[
            FinishTrack(
                name=t.name,
                flavor=t.flavor,
                media="audio" if t.media == "audio" else "video",
                device=t.device,
                drift_ppm=t.drift_ppm,
                segments=[
                    SegmentTimes(name=s.name, start_ns=s.start_ns, end_ns=s.end_ns)
                    for s in segments
                    if s.track == t.name
                ],
            )
            for t in ledger.tracks(lecture.id)
        ],
        start_ns=START_NS,
        end_ns=lecture.end_ns,
        causes=[
            GapCause(track=g.track, start_ns=g.start_ns, end_ns=g.end_ns, cause=g.cause)
            for g in ledger.gaps(lecture.id)
        ],
        muted=[Stretch(start_ns=m.start_ns, end_ns=m.end_ns) for m in ledger.mutes(lecture.id)],
        warnings=[
            TrackWarning(track=w.track, start_ns=w.start_ns, end_ns=w.end_ns, what=w.what)
            for w in ledger.warnings(lecture.id)
        ],
        marks=[Mark(at_ns=m.at_ns, text=m.text) for m in ledger.marks(lecture.id)],
        edits=lecture.edits,
        reword=lecture.state in WITH_PACKAGE,
    )


def _facts(lecture: Lecture, institution: str) -> LectureFacts:
    details = {name: getattr(lecture, name) for name in DETAILS}
    return LectureFacts(
        id=lecture.id,
        room=lecture.room,
        institution=institution,
        started_utc=lecture.started_utc,
        ended_utc=lecture.ended_utc,
        clock_trust=lecture.clock_trust,
        end_trust=lecture.end_trust,
        start_corrected=bool(lecture.start_corrected),
        agent_version=__version__,
        **details,
    )
