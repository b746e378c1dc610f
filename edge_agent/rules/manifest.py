"""What a finished lecture says about itself: the manifest and its Dublin Core. Pure: no I/O.

The manifest is JSON that reads as schema.org; its JSON Schema is published as
`edge_agent/schemas/manifest-1.json`. Times called `at`, `offset` and `duration` are seconds of the
package; `lectureStart` and `lectureEnd` are seconds since the press of the button.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from edge_agent.finish_messages import LectureFacts

MANIFEST_VERSION = 1
SCHEMA_ID = "urn:edge-agent:manifest:1"
UNTITLED = "Untitled lecture"

_DCTERMS = "http://purl.org/dc/terms/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_OPENCAST = "http://www.opencastproject.org/xsd/1.0/dublincore/"


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
        description="grows when small versions are added or people change what it is called",
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


def with_details(document: Manifest, facts: LectureFacts) -> Manifest:
    """The next revision, in which people's words are those of now; the same one if they are."""
    words = {
        "name": facts.title or UNTITLED,
        "is_part_of": facts.course or None,
        "creator": facts.lecturer or None,
        "in_language": facts.language or None,
        "license": facts.licence or None,
    }
    if all(getattr(document, name) == text for name, text in words.items()):
        return document
    return document.model_copy(update={**words, "revision": document.revision + 1})


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


def dublin_core(facts: LectureFacts, duration_s: float) -> bytes:
    """The episode catalogue that Opencast reads. Empty facts are left out.

    The course is the subject: Opencast's isPartOf is the id of a series, which only the
    destination knows.
    """
    ElementTree.register_namespace("dcterms", _DCTERMS)
    ElementTree.register_namespace("xsi", _XSI)
    root = ElementTree.Element("dublincore", {"xmlns": _OPENCAST})
    end = facts.ended_utc or ""
    period = f"start={facts.started_utc}; end={end}; scheme=W3C-DTF;"
    for term, text, kind in (
        ("title", facts.title or UNTITLED, None),
        ("identifier", facts.id, None),
        ("creator", facts.lecturer, None),
        ("subject", facts.course, None),
        ("publisher", facts.institution, None),
        ("language", facts.language, None),
        ("license", facts.licence, None),
        ("spatial", facts.room, None),
        ("created", facts.started_utc, "dcterms:W3CDTF"),
        ("temporal", period if end else "", "dcterms:Period"),
        ("extent", iso_duration(duration_s), "dcterms:ISO8601"),
    ):
        if text:
            element = ElementTree.SubElement(root, f"{{{_DCTERMS}}}{term}")
            element.text = printable(text)
            if kind:
                element.set(f"{{{_XSI}}}type", kind)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n").encode()


def printable(text: str) -> str:
    """Without the characters that XML 1.0 cannot carry at all."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not _unpaired(c)))


def _unpaired(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"
