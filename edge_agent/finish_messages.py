"""What supervisor and finisher say to each other: one job on stdin, reports on a private pipe.

Times named ``*_ns`` are lecture time in nanoseconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from edge_agent.messages import Media, Message, parsed


class LectureFacts(Message):
    """What the manifest says about a lecture beyond its media. Times are RFC 3339 in UTC."""

    id: str
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""
    room: str = ""
    institution: str = ""
    started_utc: str
    ended_utc: str | None = None
    #: How far the clock was trusted at the start and at the end.
    clock_trust: str
    end_trust: str = ""
    #: The start was stamped by an unset clock, and mended when the clock was set.
    start_corrected: bool = False
    agent_version: str


class SegmentTimes(Message):
    """Where the ledger says that a segment lies."""

    name: str
    start_ns: int
    end_ns: int


class FinishTrack(Message):
    name: str
    flavor: str
    media: Media
    device: str = ""
    #: How fast the microphone's clock was, in parts per million.
    drift_ppm: float | None = None
    segments: list[SegmentTimes] = Field(default=[])


class GapCause(Message):
    """Why a track (or, with None, every track) has a hole. `end_ns` None: until the end."""

    track: str | None
    start_ns: int
    end_ns: int | None
    cause: str


class Mark(Message):
    at_ns: int
    text: str = ""


class Stretch(Message):
    """From one lecture time to another; `end_ns` None: until the end."""

    start_ns: int
    end_ns: int | None


class TrackWarning(Message):
    """What was wrong with a track, and when; `end_ns` None: until the end."""

    track: str
    start_ns: int
    end_ns: int | None
    what: str


class FinishJob(Message):
    """All a finisher needs; the media themselves it finds in `lecture_dir`/tracks."""

    lecture_dir: str
    lecture: LectureFacts
    tracks: list[FinishTrack]
    start_ns: int
    end_ns: int | None = None
    causes: list[GapCause] = Field(default=[])
    marks: list[Mark] = Field(default=[])
    muted: list[Stretch] = Field(default=[])
    warnings: list[TrackWarning] = Field(default=[])
    #: How often people have changed what it says about itself.
    edits: int = 0
    #: Its package is there and whole: only these words are to be changed in it.
    reword: bool = False


class Progress(Message):
    kind: Literal["progress"] = "progress"
    fraction: float


class Artifact(Message):
    """One file of a package. A lower `priority` is sent first."""

    name: str
    bytes: int
    sha256: str
    media_type: str
    priority: int


class TrackSound(Message):
    """How a finished track sounds, and how wrong its microphone's clock was."""

    track: str
    #: Integrated, EBU R128; None when nothing was loud enough to count.
    loudness_lufs: float | None = None
    #: -120 is digital silence.
    true_peak_dbtp: float | None = None
    #: Share of the track's length in which somebody speaks.
    speech_ratio: float | None = None
    drift_ppm: float | None = None


class DamagedSegment(Message):
    """A segment of which not everything is in the package."""

    track: str
    name: str
    what: str


class Packaged(Message):
    kind: Literal["packaged"] = "packaged"
    artifacts: list[Artifact]
    duration_s: float
    gaps: int
    sound: list[TrackSound] = Field(default=[])
    damaged: list[DamagedSegment] = Field(default=[])
    #: The edits that are in it.
    edits: int = 0


class FinishFailed(Message):
    kind: Literal["failed"] = "failed"
    reason: str
    hint: str = ""
    #: It may pass by itself (a full disk): it is tried again without people.
    passing: bool = False


FinisherReport = Annotated[Progress | Packaged | FinishFailed, Field(discriminator="kind")]
_reports: TypeAdapter[Progress | Packaged | FinishFailed] = TypeAdapter(FinisherReport)


def parse_finisher(line: bytes) -> Progress | Packaged | FinishFailed:
    """A finisher's report; BadMessage if it is none."""
    return parsed(_reports, line)
