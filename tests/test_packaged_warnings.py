"""What people were told of while a lecture was recorded stands in its manifest."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from edge_agent.finish_messages import FinishJob, GapCause, TrackWarning
from edge_agent.finisher import finish
from edge_agent.rules.pictures import COVERED
from edge_agent.rules.voices import NOBODY
from tests.lecture_maker import job, record_pictures, record_sound, seconds

CAM = ("cam", "presenter/source", "video")
MIC = ("mic", "presenter/source", "audio")
SCHEMA = Path(__file__).parent.parent / "edge_agent" / "schemas" / "manifest-1.json"


def told(task: FinishJob, *warnings: TrackWarning) -> list[dict[str, object]]:
    finish(task.model_copy(update={"warnings": list(warnings)}), lambda _: None)
    manifest = json.loads((Path(task.lecture_dir) / "package" / "manifest.json").read_text())
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))
    found: list[dict[str, object]] = manifest["warnings"]
    return found


def warning(track: str, what: str, start_s: float, end_s: float | None) -> TrackWarning:
    end_ns = None if end_s is None else seconds(end_s)
    return TrackWarning(track=track, what=what, start_ns=seconds(start_s), end_ns=end_ns)


def test_times_are_those_of_the_package_and_of_the_lecture(tmp_path: Path) -> None:
    for start_s, end_s in ((0, 4), (64, 68)):  # a minute's pause between
        record_pictures(tmp_path / "tracks" / "cam", start_s, end_s)
        record_sound(tmp_path / "tracks" / "mic", start_s, end_s)
    pause = GapCause(track=None, start_ns=seconds(4), end_ns=seconds(64), cause="paused")
    found = told(
        job(tmp_path, [CAM, MIC], end_s=68, causes=[pause]),
        warning("mic", NOBODY, 65, None),
        warning("cam", COVERED, 1, 3),
        warning("gone", COVERED, 1, 3),
    )
    assert found == [
        {
            "track": "cam",
            "what": COVERED,
            "at": 1.0,
            "duration": 2.0,
            "lectureStart": 1.0,
            "lectureEnd": 3.0,
        },
        {
            "track": "mic",
            "what": NOBODY,
            "at": 5.064,
            "duration": 3.0,
            "lectureStart": 65.0,
            "lectureEnd": 68.0,
        },
    ]


def test_no_time_leads_out_of_the_package(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "mic", 0, 2)
    moments = (-5.0, 0.0, 1.5, 2.0, 90.0)
    spans = [(start, end) for start in moments for end in (None, *moments)]
    found = told(job(tmp_path, [MIC], end_s=2), *(warning("mic", NOBODY, *each) for each in spans))
    assert found
    for each in found:
        at, length = each["at"], each["duration"]
        assert isinstance(at, float)
        assert isinstance(length, float)
        assert 0 <= at < at + length <= 2.05
