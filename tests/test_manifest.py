"""The manifest and the Dublin Core of a package."""

from __future__ import annotations

import json
from importlib import resources
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.finish_messages import FinishTrack, LectureFacts
from edge_agent.rules.dublin_core import dublin_core
from edge_agent.rules.manifest import (
    GapEntry,
    Manifest,
    MarkEntry,
    MediaFile,
    SoundEntry,
    iso_duration,
    manifest,
    manifest_json,
    schema_json,
)
from edge_agent.rules.package import layout, media_type

DCTERMS = "{http://purl.org/dc/terms/}"
REGENERATE = (
    "python -c 'from edge_agent.rules.manifest import schema_json; print(schema_json(), end=\"\")'"
    " > edge_agent/schemas/manifest-1.json"
)


def facts(**changes: str) -> LectureFacts:
    known = {
        "id": "0192d3c4-0000-7000-8000-000000000001",
        "title": "Thermodynamics",
        "started_utc": "2026-11-22T10:00:00.000Z",
        "ended_utc": "2026-11-22T11:00:00.000Z",
        "clock_trust": "synchronised",
        "agent_version": "0.1.0",
    }
    return LectureFacts(**{**known, **changes})


def published() -> str:
    return (resources.files("edge_agent") / "schemas" / "manifest-1.json").read_text()


def test_the_published_schema_is_current() -> None:
    assert published() == schema_json(), f"run: {REGENERATE}"


def test_a_manifest_with_everything_in_it_satisfies_the_published_schema() -> None:
    media = MediaFile(
        kind="VideoObject",
        name="presenter.mp4",
        encoding_format="video/mp4",
        flavors=["presenter/source"],
        tracks=["cam"],
        codecs=["h264"],
        content_size=5,
        sha256="0" * 64,
        duration=3600.0,
        width=1920,
        height=1080,
        fps=30.0,
        packets=9,
    )
    gap = GapEntry(
        track="cam",
        at=1.0,
        lecture_start=1.0,
        lecture_end=3.0,
        duration=2.0,
        cause="unplugged",
        collapsed=False,
    )
    sound = SoundEntry(
        track="mic",
        integrated_loudness=-23.1,
        true_peak=-3.0,
        speech_ratio=0.7,
        clock_drift_ppm=-1400.0,
    )
    mark = MarkEntry(at=4.0, text="Exam!")
    document = manifest(facts(), 3600.0, [media], [gap], [mark], [sound])
    written = json.loads(manifest_json(document))
    jsonschema.validate(written, json.loads(published()))
    assert written["@context"] == "https://schema.org"
    assert written["@type"] == ["VideoObject", "LearningResource"]
    assert written["duration"] == "PT1H0S"
    assert written["encoding"][0]["@type"] == "VideoObject"
    assert Manifest.model_validate_json(manifest_json(document)) == document


def test_facts_nobody_gave_are_left_out() -> None:
    written = json.loads(manifest_json(manifest(facts(title=""), 1.0, [], [], [])))
    assert "creator" not in written
    assert written["name"] == "Untitled lecture"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "PT0S"), (5.2, "PT5.2S"), (59.9996, "PT1M0S"), (3661.25, "PT1H1M1.25S")],
)
def test_durations_are_iso_8601(seconds: float, text: str) -> None:
    assert iso_duration(seconds) == text


def terms(xml: bytes) -> dict[str, str | None]:
    return {e.tag.removeprefix(DCTERMS): e.text for e in ElementTree.fromstring(xml)}


def test_dublin_core_has_the_terms_that_opencast_reads() -> None:
    xml = dublin_core(facts(course="Physics 1", lecturer="Dr Ada", language="en", room="H1"), 60)
    found = terms(xml)
    assert found["title"] == "Thermodynamics"
    assert found["subject"] == "Physics 1"
    assert found["creator"] == "Dr Ada"
    assert found["spatial"] == "H1"
    assert found["extent"] == "PT1M0S"
    assert found["temporal"] == (
        "start=2026-11-22T10:00:00.000Z; end=2026-11-22T11:00:00.000Z; scheme=W3C-DTF;"
    )
    assert b'xsi:type="dcterms:W3CDTF"' in xml
    assert b'xmlns="http://www.opencastproject.org/xsd/1.0/dublincore/"' in xml
    assert "license" not in found


@given(title=st.text(min_size=1))
def test_a_hostile_title_stays_a_title(title: str) -> None:
    found = terms(dublin_core(facts(title=title), 1))
    carried = "".join(c for c in title if c in "\t\n\r" or c >= " ")
    expected = carried.replace("\ufffe", "").replace("\uffff", "").replace("\r\n", "\n")
    assert (found["title"] or "") == expected.replace("\r", "\n")
    assert set(found) == {"title", "identifier", "created", "temporal", "extent"}


@pytest.mark.parametrize(
    "title",
    ["</dcterms:title><evil/>", "]]>", "<!ENTITY x>", "&lol;", "a\"b'c", "\x00\x1b[31m", "𝕏 ‮"],
)
def test_markup_in_a_title_is_text(title: str) -> None:
    assert set(terms(dublin_core(facts(title=title), 1))) >= {"title", "created"}


def track(name: str, flavor: str, media: str) -> FinishTrack:
    return FinishTrack(name=name, flavor=flavor, media=media)  # type: ignore[arg-type]


CAM = track("cam", "presenter/source", "video")
SLIDES = track("hdmi", "presentation/source", "video")
MIC = track("mic", "presenter/source", "audio")
ROOM_MIC = track("room-mic", "audience/source", "audio")
ROOM = track("room", "audience/source", "video")


@pytest.mark.parametrize(
    ("tracks", "files"),
    [
        ([CAM], {"presenter.mp4": ["cam"]}),
        ([MIC], {"audio.m4a": ["mic"]}),
        ([CAM, MIC], {"audio.m4a": ["mic"], "presenter.mp4": ["cam", "mic"]}),
        ([SLIDES, MIC], {"presentation.mp4": ["hdmi"], "audio.m4a": ["mic"]}),
        (
            [track("camera-small", "x/source", "video"), CAM],
            {"camera-small-2.mp4": ["camera-small"], "presenter.mp4": ["cam"]},
        ),
        (
            [CAM, SLIDES, MIC, ROOM, ROOM_MIC],
            {
                "presentation.mp4": ["hdmi"],
                "audio.m4a": ["mic"],
                "room-mic.m4a": ["room-mic"],
                "room.mp4": ["room"],
                "presenter.mp4": ["cam", "mic"],
            },
        ),
        (
            [CAM, track("cam2", "presenter/source", "video")],
            {"cam2.mp4": ["cam2"], "presenter.mp4": ["cam"]},
        ),
        (
            [track("presenter", "x/source", "video"), CAM],
            {"presenter-2.mp4": ["presenter"], "presenter.mp4": ["cam"]},
        ),
        (
            [track("../../etc/passwd", "x/source", "video")],
            {"etc-passwd.mp4": ["../../etc/passwd"]},
        ),
    ],
)
def test_tracks_find_their_files_in_order_of_value(
    tracks: list[FinishTrack], files: dict[str, list[str]]
) -> None:
    found = {file.name: [t.name for t in file.tracks] for file in layout(tracks)}
    assert found == files
    assert next(iter(found)) == next(iter(files))
    assert all(media_type(name) in ("video/mp4", "audio/mp4") for name in found)
