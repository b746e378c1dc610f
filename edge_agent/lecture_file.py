"""lecture.json: what is known of a lecture apart from the ledger, durable before its first frame.

With it a spool can be read without its ledger, and a ledger that was put back from an older copy is
found out: each press that changes the lecture's state is here before it is in the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.durable import write_durably, write_in_new_folder
from edge_agent.messages import Media
from edge_agent.rows import Lecture, Track
from edge_agent.rules.lecture import ACTIVE, State

#: What a ledger can hold, and what can be added to it: nanoseconds of a hundred years.
Stored = Annotated[int, Field(ge=-(2**62), le=2**62)]
_TOLD = ACTIVE | {State.FINISHING}


class TrackEntry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    name: str
    flavor: str
    media: Media


class LectureFile(BaseModel):
    """Version 1. Later versions may add fields; unknown ones are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    version: int = 1
    id: str
    started_utc: str
    clock_trust: str
    #: "recording", "paused" or "finishing"; "" in files of earlier versions, which tell no state.
    state: str = ""
    end_ns: Stored | None = None
    ended_utc: str | None = None
    end_trust: str = ""
    #: The start was mended when the clock had been set.
    start_corrected: Stored = 0
    epoch_boot: str
    epoch_ns: Stored
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""
    room: str = ""
    until_utc: str | None = None
    until_ns: Stored | None = None
    booking: str = ""
    booked_from_utc: str | None = None
    booked_until_utc: str | None = None
    booked_words: str = ""
    #: People have said that it shall not be sent.
    withheld: Stored = 0
    tracks: list[TrackEntry]


class Kept(NamedTuple):
    """The lecture as its file has it; `state` None: the file tells none."""

    lecture: Lecture
    tracks: list[Track]
    state: State | None


def write(path: Path, lecture: Lecture, tracks: list[Track]) -> None:
    """Durable on return, folders included. Raises OSError."""
    entries = [TrackEntry(name=t.name, flavor=t.flavor, media=_media(t.media)) for t in tracks]
    known = {k: v for k, v in lecture.columns().items() if k in LectureFile.model_fields}
    text = LectureFile(**known, tracks=entries).model_dump_json(indent=1)
    put = write_durably if path.parent.is_dir() else write_in_new_folder
    put(path, text.encode() + b"\n")


def read(path: Path) -> Kept | None:
    """The lecture as it was at the last press, or None when the file is absent or broken.

    A start that an unset clock has stamped is in it as mended later.
    """
    try:
        facts = LectureFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    tracks = [Track(facts.id, t.name, t.flavor, t.media) for t in facts.tracks]
    columns = facts.model_dump(exclude={"version", "tracks", "state"})
    state = State(facts.state) if facts.state in _TOLD else None
    return Kept(Lecture(state=state or State.RECORDING, **columns), tracks, state)


def _media(text: str) -> Media:
    return "audio" if text == "audio" else "video"
