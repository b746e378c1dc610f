"""Laws of devices that fail: a gap with its cause in one track, and nothing in the others."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent.rules.lecture import State
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow


def faulty(tmp_path: Path, fault: str, after_s: float = 4.0) -> dict[str, Any]:
    """A camera with one fault; its second life is healthy."""
    once = str(tmp_path / "fault-has-happened")
    return {**CAMERA, "options": {"fault": fault, "after": str(after_s), "once": once}}


def record_through(room: Classroom) -> str:
    """Begin at once, and go on until both tracks have recorded after the fault."""
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    until("the fault", lambda: room.track("camera").get("restarts", 0) >= 1)
    until("the camera is back", lambda: room.track("camera").get("phase") == "recording")
    back_s = room.status()["lecture"]["elapsed_s"]
    room.until_durable(back_s + 1)
    room.command("stop")
    return lecture


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("gone", "device lost"),
        ("hang", "no signal"),
        ("hang_gil", "device hung"),
        ("crash", "recorder crashed"),
    ],
)
def test_a_failing_camera_leaves_a_gap_with_its_cause_and_the_sound_whole(
    make_room: MakeRoom, tmp_path: Path, fault: str, cause: str
) -> None:
    room = make_room({"camera": faulty(tmp_path, fault), "microphone": MICROPHONE})
    lecture = record_through(room)
    package = room.package(lecture)
    gaps = room.manifest(lecture)["gaps"]
    assert [(gap["track"], gap["cause"]) for gap in gaps] == [("camera", cause)]
    print(f"MEASURED camera fault {fault}: {gaps[0]['duration']:.1f} s without a picture")
    assert_aligned(package)
    check_clean(room)


def test_a_recorder_that_stands_still_is_ended_and_its_track_goes_on(make_room: MakeRoom) -> None:
    """Stopped by a signal it holds its device and says nothing, as under a debugger."""
    room = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    os.kill(room.recorder_pid("camera"), signal.SIGSTOP)
    until("it was ended", lambda: room.track("camera").get("restarts", 0) >= 1)
    until("the camera is back", lambda: room.track("camera").get("phase") == "recording")
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
    room.command("stop")
    package = room.package(lecture)
    gaps = [(gap["track"], gap["cause"]) for gap in room.manifest(lecture)["gaps"]]
    assert gaps == [("camera", "device hung")]
    assert_aligned(package)
    check_clean(room)


def test_a_stuttering_camera_is_recorded_as_it_is(make_room: MakeRoom, tmp_path: Path) -> None:
    room = make_room({"camera": faulty(tmp_path, "stutter", 1.0), "microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(4)
    room.command("stop")
    assert_aligned(room.package(lecture))
    assert room.track("camera")["restarts"] == 0


@pytest.mark.parametrize("fault", ["resize", "dim"])
def test_a_camera_that_changes_its_size_or_slows_down_in_the_dark_goes_on_in_one_file(
    make_room: MakeRoom, tmp_path: Path, fault: str
) -> None:
    room = make_room({"camera": faulty(tmp_path, fault, 3.0), "microphone": MICROPHONE})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(8)
    room.command("stop")
    late = [gap for gap in room.manifest(lecture)["gaps"] if gap["lectureStart"] > 0]
    assert late == []
    with av.open(str(room.package(lecture) / "presenter.mp4")) as file:
        pictures = [(p.width, p.height, float(p.time or 0)) for p in file.decode(video=0)]
    assert {(width, height) for width, height, _ in pictures} == {(320, 180)}
    pauses = [after[2] - before[2] for before, after in pairwise(pictures[-10:])]
    usual = (3 if fault == "dim" else 1) / CAMERA["fps"]  # type: ignore[operator]
    assert sorted(pauses)[len(pauses) // 2] == pytest.approx(usual, rel=0.1)
    assert room.track("camera")["restarts"] == 0


def test_a_lecture_begins_without_a_missing_camera_and_takes_it_in_when_it_comes(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    cable = tmp_path / "cable"
    room = make_room({"camera": {**CAMERA, "device": str(cable)}, "microphone": MICROPHONE})
    room.start_agent()
    room.until_armed("microphone")
    until("the failure is told", lambda: room.track("camera").get("cause") == "device missing")
    lecture = room.begin()
    room.until_durable(2, "microphone")
    cable.touch()
    until("the camera records", lambda: room.track("camera").get("phase") == "recording")
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
    room.command("stop")
    package = room.package(lecture)
    [gap] = room.manifest(lecture)["gaps"]
    assert (gap["track"], gap["cause"], gap["lectureStart"]) == ("camera", "device missing", 0)
    assert_aligned(package)
    check_clean(room)


@pytest.mark.parametrize(
    ("fault", "cause"), [("missing", "device missing"), ("busy", "device busy")]
)
def test_a_start_without_any_device_is_refused_with_the_reason_and_the_next_step(
    make_room: MakeRoom, fault: str, cause: str
) -> None:
    room = make_room({"camera": {**CAMERA, "options": {"fault": fault}}})
    room.start_agent()
    until("the failure is told", lambda: room.track("camera").get("cause") == cause)
    refused = room.command("start")["error"]
    assert (refused["code"], refused["exit"]) == ("no-device", 9)
    assert "camera" in refused["message"]
    assert "edge-agent devices list" in refused["hint"]
    assert list(room.spool.lectures.iterdir()) == []


def test_a_lecture_of_which_nothing_was_recorded_fails_visibly(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    """The only camera goes at the instant of the start and never comes back."""
    cable = tmp_path / "cable"
    cable.touch()
    room = make_room({"camera": {**CAMERA, "device": str(cable)}})
    room.start_agent()
    room.until_armed()
    number = room.post("start")
    cable.unlink()
    lecture = str(room.answer(number)["lecture"])
    until("the camera is gone", lambda: room.track("camera").get("restarts", 0) >= 1)
    room.command("stop")
    ended = room.until_state(lecture, State.FAILED, State.PACKAGED)
    if ended.state is State.FAILED:
        assert "nothing was recorded" in ended.reason
        assert room.command("retry", lecture=lecture) == {"lecture": lecture}
        room.until_state(lecture, State.FAILED)
    check_clean(room)
