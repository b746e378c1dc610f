"""The command line with a running agent: the buttons, and what they say."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.rules.lecture import State
from edge_agent.verify import verify_package
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until
from tests.published import answer_of

MakeRoom = Callable[..., Classroom]
ROOT = Path(__file__).parents[2]
WHAT = ["--title", "Heat", "--course", "PHY-2", "--lecturer", "Dr Sok", "--language", "km"]


@pytest.fixture
def room(make_room: MakeRoom) -> Classroom:
    made = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    made.start_agent()
    made.until_armed()
    return made


def run(room: Classroom, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        room.cli(*words),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def ask(room: Classroom, *words: str, code: int = 0) -> Any:
    """The data of a command's answer."""
    answer = run(room, *words, "--json")
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer_of(answer.stdout)["data"]


def test_a_lecture_from_start_to_export_with_nothing_but_commands(
    room: Classroom, tmp_path: Path
) -> None:
    room.start_uploader()
    started = ask(room, "record", "start", *WHAT)
    lecture = started["lecture"]
    assert started["not_recording"] == []
    assert all(track["durable_s"] is not None for track in started["tracks"].values())

    again = run(room, "record", "start")
    assert again.returncode == 5
    assert "next:  edge-agent record stop" in again.stderr

    assert run(room, "record", "pause").returncode == 0
    assert "PAUSED" in run(room, "status").stdout
    assert run(room, "record", "pause").returncode == 5
    assert run(room, "record", "resume").returncode == 0
    ask(room, "record", "mark", "exam question")
    until("it records again", lambda: room.track("camera").get("phase") == "recording")
    assert "● RECORDING" in run(room, "record", "status").stdout

    stopped = ask(room, "record", "stop", "--wait")
    assert stopped["lecture"] == lecture
    assert verify_package(Path(stopped["package"])) == []
    nothing = run(room, "record", "stop")
    assert nothing.returncode == 5
    assert "next:" in nothing.stderr

    room.until_state(lecture, State.DELIVERED)
    shown = ask(room, "lectures", "show", lecture[-8:])
    assert (shown["title"], shown["course"], shown["lecturer"]) == ("Heat", "PHY-2", "Dr Sok")
    assert [mark["text"] for mark in shown["marks"]] == ["exam question"]
    assert "paused" in [gap["cause"] for gap in shown["gaps"]]
    assert all(row["receipt"]["state"] == "verified" for row in shown["delivery"])
    assert "Delivery" in run(room, "lectures", "show", "last").stdout
    assert [each["id"] for each in ask(room, "lectures", "list")] == [lecture]
    (delivery,) = ask(room, "upload", "status")["deliveries"]
    assert delivery["waiting_files"] == 0

    assert run(room, "lectures", "verify", str(room.platform / lecture)).returncode == 0
    stick = tmp_path / "stick"
    stick.mkdir()
    assert run(room, "lectures", "export", "last", "--to", str(stick)).returncode == 0
    assert verify_package(stick / lecture) == []
    assert run(room, "storage", "check").returncode == 0


def test_a_changed_byte_is_found_with_the_files_name(room: Classroom) -> None:
    ask(room, "record", "start")
    package = Path(ask(room, "record", "stop", "--wait")["package"])
    sound = package / "audio.m4a"
    data = bytearray(sound.read_bytes())
    data[len(data) // 2] ^= 1
    sound.write_bytes(data)
    problems = ask(room, "lectures", "verify", "last", code=3)["problems"]
    assert [problem["file"] for problem in problems] == ["audio.m4a"]
    findings = ask(room, "storage", "check", code=3)["findings"]
    assert [finding["invariant"] for finding in findings] == ["I4"]


def test_a_track_that_is_not_recording_is_named_at_the_start(make_room: MakeRoom) -> None:
    broken = {**CAMERA, "options": {"fault": "missing"}}
    room = make_room({"camera": broken, "microphone": MICROPHONE})
    room.start_agent()
    room.until_armed("microphone")
    answer = run(room, "record", "start")
    assert answer.returncode == 3
    assert "Recording " in answer.stdout
    assert "track camera is not recording" in answer.stderr


def test_a_start_in_a_muted_room_says_so_with_the_next_step(room: Classroom) -> None:
    assert run(room, "record", "mute").returncode == 0
    started = run(room, "record", "start", "--json")
    answer = json.loads(started.stdout)
    assert answer["data"]["muted"] is True
    assert "edge-agent record unmute" in "".join(answer["warnings"])
    assert ask(room, "record", "status")["muted"] is True


def test_a_device_that_the_agent_holds_is_reported_by_the_agent(
    room: Classroom, tmp_path: Path
) -> None:
    until("there is a preview", room.runtime.preview("camera").exists)
    picture = tmp_path / "picture.jpg"
    found = ask(room, "devices", "test", "camera", "--save", str(picture))
    assert found["held_by_agent"] is True
    assert found["width"] == 320
    assert picture.read_bytes().startswith(b"\xff\xd8")


def test_a_lecture_ends_by_itself_at_the_time_it_was_given(room: Classroom) -> None:
    ask(room, "record", "start", "--until", "23:59")
    assert room.status()["lecture"]["until_utc"] is not None


def test_after_a_crash_of_the_agent_the_storage_check_says_what_is_open(room: Classroom) -> None:
    ask(room, "record", "start")
    room.kill_agent()
    findings = ask(room, "storage", "check", code=3)["findings"]
    assert {finding["invariant"] for finding in findings} == {"I3"}
    room.start_agent()
    ask(room, "record", "stop", "--wait")
    assert ask(room, "storage", "check")["findings"] == []
