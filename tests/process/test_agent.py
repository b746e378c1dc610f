"""Laws of a lecture, from the press of the button to the platform, with real processes."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent.rules.lecture import State
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, SLIDES, until
from tests.process.conftest import MakeRoom

pytestmark = pytest.mark.slow
ROOM = {"camera": CAMERA, "slides": SLIDES, "microphone": MICROPHONE}


def streams(file: Path) -> list[dict[str, Any]]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return list(json.loads(done.stdout)["streams"])


def assert_aligned(package: Path) -> float:
    """All tracks begin and end within 40 ms of each other; the common duration in seconds."""
    ends = []
    for file in [*package.glob("*.mp4"), *package.glob("*.m4a")]:
        for stream in streams(file):
            assert abs(float(stream["start_time"])) <= 0.040, (file.name, stream)
            ends.append(float(stream["start_time"]) + float(stream["duration"]))
    assert max(ends) - min(ends) <= 0.040, ends
    return max(ends)


def test_a_lecture_is_recorded_packaged_and_delivered(make_room: MakeRoom) -> None:
    room = make_room(ROOM, room={"name": "B-204"}, lecture={"language": "km"})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lecture = room.begin(title="Heat & <light>", lecturer="Sok")
    room.until_durable(3)
    room.command("mark", text="exam")
    room.command("stop")
    delivered = room.delivered(lecture)
    assert {file.name for file in delivered.iterdir()} >= {
        "presenter.mp4",
        "presentation.mp4",
        "audio.m4a",
        "thumbnail.jpg",
        "dublincore.xml",
        "manifest.json",
        "manifest-sha256.txt",
    }
    assert {s["codec_name"] for s in streams(delivered / "presenter.mp4")} == {"h264", "aac"}
    assert_aligned(delivered)
    manifest = json.loads((delivered / "manifest.json").read_text())
    assert manifest["name"] == "Heat & <light>"
    assert manifest["inLanguage"] == "km"
    assert manifest["locationCreated"] == "B-204"
    assert manifest["gaps"] == []
    assert [mark["text"] for mark in manifest["marks"]] == ["exam"]
    with room.ledger() as ledger:
        assert ledger.segments(lecture) == []
    assert not room.spool.tracks(lecture).exists()
    assert room.stop_agent() == 0


@pytest.mark.parametrize(
    ("tracks", "files"),
    [
        ({"camera": CAMERA}, {"presenter.mp4"}),
        ({"slides": SLIDES}, {"presentation.mp4"}),
        ({"microphone": MICROPHONE}, {"audio.m4a"}),
    ],
)
def test_rooms_with_one_device_only_work(
    make_room: MakeRoom, tracks: dict[str, Any], files: set[str]
) -> None:
    room = make_room(tracks)
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    room.command("stop")
    package = room.package(lecture)
    media = {file.name for file in package.iterdir() if file.suffix in (".mp4", ".m4a")}
    assert media >= files
    assert_aligned(package)


def test_armed_rooms_show_pictures_and_levels_without_recording(make_room: MakeRoom) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    preview = room.runtime.preview("camera")
    first = until("a preview", lambda: preview.exists() and preview.read_bytes())
    until("another preview", lambda: preview.read_bytes() != first)
    assert first.startswith(b"\xff\xd8")
    assert first.endswith(b"\xff\xd9")
    level = until("a level", lambda: room.track("microphone").get("rms"))
    assert -60 < level < 0
    assert list(room.spool.lectures.iterdir()) == []


def test_a_pause_writes_nothing_and_leaves_a_marked_gap(make_room: MakeRoom) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    room.command("pause")
    room.until_armed()  # every recorder has closed its file
    with room.ledger() as ledger:
        before = ledger.segments(lecture)
    written = {p: p.stat().st_size for p in room.spool.tracks(lecture).rglob("*.*")}
    preview = room.runtime.preview("camera")
    seen = preview.stat().st_mtime_ns
    until("two more previews", lambda: preview.stat().st_mtime_ns > seen + 1_500_000_000)
    assert {p: p.stat().st_size for p in room.spool.tracks(lecture).rglob("*.*")} == written
    assert room.command("resume") == {"lecture": lecture}
    room.until_durable(4)
    room.command("stop")
    package = room.package(lecture)
    manifest = room.manifest(lecture)
    assert {gap["track"] for gap in manifest["gaps"]} == set(ROOM)
    assert {gap["cause"] for gap in manifest["gaps"]} == {"paused"}
    assert all(gap["collapsed"] for gap in manifest["gaps"])
    recorded_ns = max(segment.end_ns for segment in before)
    duration = assert_aligned(package)
    assert duration < manifest["gaps"][0]["lectureEnd"] + 3
    assert recorded_ns > 0


def test_a_lecture_stopped_while_paused_ends_where_it_was_paused(make_room: MakeRoom) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    room.command("pause")
    room.until_armed()
    room.command("stop")
    assert_aligned(room.package(lecture))


def test_several_lectures_a_day_each_have_their_own_package(make_room: MakeRoom) -> None:
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lectures = []
    for number in range(3):
        lectures.append(room.begin(title=f"Lecture {number}"))
        room.until_durable(1)
        room.command("stop")
    assert lectures == sorted(lectures)
    for lecture in lectures:
        room.delivered(lecture)


def test_a_second_start_and_a_stop_of_nothing_are_refused(make_room: MakeRoom) -> None:
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    assert room.command("stop")["error"]["exit"] == 5
    lecture = room.begin()
    refused = room.command("start")["error"]
    assert (refused["code"], refused["exit"]) == ("already-recording", 5)
    assert lecture in refused["message"]
    room.until_durable(1)
    room.command("stop")
    room.package(lecture)


def test_a_command_left_for_a_dead_agent_is_not_run_later(make_room: MakeRoom) -> None:
    """A start sent to a dead box must not fire at midnight."""
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    assert room.stop_agent() == 0
    number = room.post("start")

    database = sqlite3.connect(room.spool.ledger)
    database.execute("UPDATE inbox SET boot = 'an earlier boot'")
    database.commit()
    database.close()
    room.start_agent()
    assert room.answer(number)["error"]["code"] == "expired"
    assert list(room.spool.lectures.iterdir()) == []


def test_an_agent_told_to_end_while_recording_goes_on_after_its_restart(
    make_room: MakeRoom,
) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    assert room.stop_agent() == 0
    assert list(room.spool.tracks(lecture).rglob("*.part")) == []
    assert room.lecture(lecture).state is State.RECORDING
    room.start_agent()
    until("it records again", lambda: room.track("camera").get("phase") == "recording")
    room.until_durable(4)
    room.command("stop")
    assert_aligned(room.package(lecture))
    assert {gap["cause"] for gap in room.manifest(lecture)["gaps"]} == {"agent restarted"}


def test_a_planned_end_stops_the_lecture_and_nobody_wants_it_back(make_room: MakeRoom) -> None:
    room = make_room({"microphone": MICROPHONE}, recording={"undo_seconds": 6.0})
    room.start_agent()
    room.until_armed()
    until_utc = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    lecture = room.begin(until_utc=until_utc)
    room.package(lecture)
    assert room.manifest(lecture)["durationSeconds"] == pytest.approx(4, abs=0.5)


def test_a_second_agent_in_one_room_is_refused(make_room: MakeRoom) -> None:
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    done = subprocess.run(room.cli("run"), capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 5
    assert "already running" in done.stderr


def test_the_terminals_interrupt_reaches_the_agent_and_not_its_recorders(
    make_room: MakeRoom,
) -> None:
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(1)
    assert room.agent is not None
    room.agent.send_signal(signal.SIGINT)
    assert room.agent.wait(HANG_S) == 0
    assert list(room.spool.tracks(lecture).rglob("*.part")) == []
