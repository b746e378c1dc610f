"""What a finished lecture says about itself: the manifest. Pure: no I/O.

The manifest is JSON that reads as schema.org; its JSON Schema is published as
`edge_agent/schemas/manifest-1.json`. Times called `at`, `offset` and `duration` are seconds of the
package; `lectureStart` and `lectureEnd` are seconds since the press of the button.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from edge_agent.finish_messages import LectureFacts

SCHEMA_ID = "urn:edge-agent:manifest:1"
UNTITLED = "Untitled lecture"


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class MediaFile(_Part):
    """One media file of the package."""

    kind: Literal["VideoObject", "AudioObject"] = Field(
        validation_alias="@type", serialization_alias="@type"
    )
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    encoding_format: str = Field(description="MIME type")
    flavors: list[str] = Field(description="Opencast's words, one per stream")
    tracks: list[str] = Field(description="The recorded tracks that are in it")
    codecs: list[str] = []
    content_size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    offset: float = Field(default=0.0, description="seconds into the package at which it starts")
    duration: float = Field(default=0.0, ge=0)
    width: int | None = None
    height: int | None = None
    fps: float | None = Field(default=None, description="pictures per recorded second, on average")
    packets: int = Field(default=0, ge=0, description="copied from the recording")
    filled_packets: int = Field(
        default=0, ge=0, description="silence or black put in for missing media"
    )
    recoded_packets: int = Field(default=0, ge=0, description="sound whose format had changed")
    derived_from: list[str] | None = Field(
        default=None, description="a small version: encoded again from these files of the package"
    )
    spare: bool | None = Field(
        default=None, description="true: a microphone for who wants to mix the sound anew"
    )


class Caption(_Part):
    """Captions in one language, as people have put them to the lecture."""

    kind: Literal["MediaObject"] = Field(
        default="MediaObject", validation_alias="@type", serialization_alias="@type"
    )
    name: str = Field(pattern=r"^captions\.[A-Za-z0-9-]+\.vtt$")
    encoding_format: Literal["text/vtt"] = "text/vtt"
    flavors: tuple[Literal["captions/source"]] = Field(
        default=("captions/source",), description="Opencast's word"
    )
    in_language: str = Field(description="BCP 47")
    content_size: int = Field(ge=0, description="bytes")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class GapEntry(_Part):
    """A stretch in which a track has no media, and why."""

    track: str
    at: float = Field(ge=0)
    lecture_start: float
    lecture_end: float
    duration: float = Field(ge=0)
    cause: str
    collapsed: bool = Field(description="left out of the package for all tracks alike")


class WarningEntry(_Part):
    """Something was wrong with a track that was recorded all the same."""

    track: str
    what: str
    at: float = Field(ge=0)
    duration: float = Field(ge=0)
    lecture_start: float
    lecture_end: float


class StandInEntry(_Part):
    """Where another microphone is heard instead of the main one."""

    track: str = Field(description="the main microphone")
    by: str = Field(description="the track that is heard")
    why: str
    at: float = Field(ge=0)
    duration: float = Field(ge=0)
    lecture_start: float
    lecture_end: float


class SoundEntry(_Part):
    """How a microphone's track sounds. What is not known is left out."""

    track: str
    integrated_loudness: float | None = Field(
        default=None, description="LUFS (EBU R128); left out when nothing was loud enough"
    )
    true_peak: float | None = Field(default=None, description="dBTP; -120: digital silence")
    speech_ratio: float | None = Field(
        default=None, ge=0, le=1, description="share of the track in which somebody speaks"
    )
    clock_drift_ppm: float | None = Field(
        default=None, description="how fast the microphone's clock was; the sound is corrected"
    )


class MarkEntry(_Part):
    at: float = Field(ge=0)
    text: str = ""


class Manifest(_Part):
    """A lecture as delivered."""

    context: Literal["https://schema.org"] = Field(default="https://schema.org", alias="@context")
    type: tuple[Literal["VideoObject"], Literal["LearningResource"]] = Field(
        default=("VideoObject", "LearningResource"), alias="@type"
    )
    manifest_version: Literal[1] = 1
    revision: int = Field(
        default=1,
        ge=1,
        description="grows when small versions are added or people change words or captions",
    )
    identifier: str
    name: str
    is_part_of: str | None = Field(default=None, description="the course")
    creator: str | None = Field(default=None, description="the lecturer")
    publisher: str | None = Field(default=None, description="the institution")
    in_language: str | None = None
    license: str | None = None
    location_created: str | None = Field(default=None, description="the room")
    start_time: str = Field(description="UTC, RFC 3339")
    end_time: str | None = None
    clock_trust: str = Field(description="how far the clock could be trusted at the start")
    end_clock_trust: str | None = Field(default=None, description="the same at the end")
    start_time_corrected: bool | None = Field(
        default=None,
        description="true: stamped before the clock was set, mended after it was synchronised",
    )
    duration: str = Field(description="ISO 8601")
    duration_seconds: float = Field(ge=0)
    encoding: list[MediaFile]
    caption: list[Caption] | None = Field(default=None, description="left out when there are none")
    gaps: list[GapEntry]
    marks: list[MarkEntry]
    sound: list[SoundEntry] = Field(default=[], description="one for each microphone")
    warnings: list[WarningEntry] = Field(
        default=[], description="what people were told of while it was recorded"
    )
    stand_ins: list[StandInEntry] = Field(
        default=[], description="where the files with the main microphone have another one's sound"
    )
    agent_version: str


def manifest(
    facts: LectureFacts,
    duration_s: float,
    encoding: Iterable[MediaFile],
    gaps: Iterable[GapEntry],
    marks: Iterable[MarkEntry],
    sound: Iterable[SoundEntry] = (),
    warnings: Iterable[WarningEntry] = (),
    stand_ins: Iterable[StandInEntry] = (),
) -> Manifest:
    return Manifest(
        identifier=facts.id,
        name=facts.title or UNTITLED,
        is_part_of=facts.course or None,
        creator=facts.lecturer or None,
        publisher=facts.institution or None,
        in_language=facts.language or None,
        license=facts.licence or None,
        location_created=facts.room or None,
        start_time=facts.started_utc,
        end_time=facts.ended_utc,
        clock_trust=facts.clock_trust,
        end_clock_trust=facts.end_trust or None,
        start_time_corrected=facts.start_corrected or None,
        duration=iso_duration(duration_s),
        duration_seconds=round(duration_s, 3),
        encoding=list(encoding),
        gaps=list(gaps),
        marks=list(marks),
        sound=list(sound),
        warnings=list(warnings),
        stand_ins=list(stand_ins),
        agent_version=facts.agent_version,
    )


def with_renditions(document: Manifest, made: Iterable[MediaFile]) -> Manifest:
    """The next revision, with these files in place of older ones of their names."""
    added = list(made)
    names = {file.name for file in added}
    kept = [file for file in document.encoding if file.name not in names]
    return document.model_copy(
        update={"encoding": [*kept, *added], "revision": document.revision + 1}
    )


def with_details(document: Manifest, facts: LectureFacts, captions: Sequence[Caption]) -> Manifest:
    """The next revision, in which people's words and captions are those of now.

    The same one if they are.
    """
    wanted = {
        "name": facts.title or UNTITLED,
        "is_part_of": facts.course or None,
        "creator": facts.lecturer or None,
        "in_language": facts.language or None,
        "license": facts.licence or None,
        "caption": list(captions) or None,
    }
    if all(getattr(document, name) == it for name, it in wanted.items()):
        return document
    return document.model_copy(update={**wanted, "revision": document.revision + 1})


def manifest_json(document: Manifest) -> bytes:
    data = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def schema_json() -> str:
    """The published JSON Schema of the manifest."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Manifest.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=2) + "\n"


def iso_duration(seconds: float) -> str:
    """Seconds as ISO 8601, to the millisecond: PT1H30M5.2S."""
    whole = round(seconds * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, milli = divmod(rest, 60_000)
    text = f"{milli / 1000:.3f}".rstrip("0").rstrip(".")
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + f"{text}S"
