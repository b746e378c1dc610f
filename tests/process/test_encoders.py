"""An encoder that works, one that dies in a lecture, and what people are told of it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest

from edge_agent.encoder_book import Book, save, this_computer
from encoders.ladder import Verdict, candidates
from tests.fake_ffmpeg import write
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom

pytestmark = pytest.mark.slow
PICTURE = 320 * 180 * 3 // 2


def room_with_hardware(
    make_room: MakeRoom, folder: Path, fault: str, after: int, camera: dict[str, Any] | None = None
) -> Classroom:
    """A room whose FFmpeg has a VAAPI encoder, which has passed its trial."""
    path = f"{write(folder, fault, after)}{os.pathsep}{os.environ['PATH']}"
    room = make_room({"camera": camera or CAMERA, "microphone": MICROPHONE}, env={"PATH": path})
    room.spool.root.mkdir()
    verdicts = [Verdict(c.name, "h264", c.encoder == "h264_vaapi") for c in candidates("h264")]
    save(room.spool.encoders, Book(this_computer(), "2026-11-22T10:00:00+00:00", tuple(verdicts)))
    room.start_agent()
    room.until_armed()
    until("the book is read", lambda: room.track("camera")["encoder"] == "h264_vaapi")
    return room


def frames(file: Path) -> int:
    command = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-of", "json"]
    done = subprocess.run(
        [*command, "-show_streams", str(file)], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return int(json.loads(done.stdout)["streams"][0]["nb_read_frames"])


def test_a_lecture_is_recorded_with_the_encoder_that_passed_its_trial(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    room = room_with_hardware(make_room, tmp_path, "none", 0)
    lecture = room.begin()
    room.until_durable(3)
    assert room.track("camera")["encoder"] == "h264_vaapi"
    assert room.track("microphone")["encoder"] == "aac"
    room.command("stop")
    manifest = room.manifest(lecture)
    assert manifest["gaps"] == []
    assert frames(room.package(lecture) / "presenter.mp4") >= 3 * 15 * 0.8
    assert room.status()["failed_encoders"] == {}


@pytest.mark.parametrize("fault", ["stalls later", "dies later", "garbage later"])
def test_the_next_encoder_takes_over_in_the_same_lecture(
    fault: str, make_room: MakeRoom, tmp_path: Path
) -> None:
    room = room_with_hardware(make_room, tmp_path, fault, 40 * PICTURE)
    lecture = room.begin()
    until("software has taken over", lambda: room.track("camera")["encoder"] == "libx264")
    so_far = float(room.track("camera")["durable_s"] or 0)
    room.until_durable(so_far + 3)
    facts = room.status()
    assert facts["tracks"]["camera"]["restarts"] == 0, "the device stays open"
    assert list(facts["failed_encoders"]) == ["h264_vaapi"]
    room.command("stop")
    manifest = room.manifest(lecture)
    assert [gap for gap in manifest["gaps"] if gap["duration"] > 2] == []
    length = manifest["durationSeconds"]
    assert frames(room.package(lecture) / "presenter.mp4") >= length * 15 * 0.7
    with room.ledger() as ledger:
        told = [e for e in ledger.events(lecture) if e.kind == "encoder failed"]
    assert len(told) == 1
    assert "libx264 has taken over" in told[0].text
    again = room.begin()
    room.until_durable(2)
    assert room.track("camera")["encoder"] == "libx264", "until the PC restarts"
    room.command("stop")
    room.package(again)
    assert "failed" in table(room)


@pytest.mark.alone
def test_a_recording_that_is_too_much_for_the_pc_gives_up_step_by_step_and_keeps_its_sound(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    camera = {**CAMERA, "size": [640, 360], "fps": 30.0}
    rate = 640 * 360 * 3 // 2 * 11  # every second picture still is too much, a smaller one is not
    room = room_with_hardware(make_room, tmp_path, "throttled", rate, camera)
    lecture = room.begin()
    until("the preview is off", lambda: "preview" in room.track("camera")["given_up"])
    assert not Path(room.track("camera")["preview"]).exists()
    until("it is smaller", lambda: "smaller" in room.track("camera")["given_up"])
    until("another segment has begun", lambda: (room.track("camera")["durable_s"] or 0) > 12)
    until("nothing waits any more", lambda: room.track("camera")["backlog"] < 0.1)
    lost = room.track("camera")["dropped"]
    room.until_durable(float(room.track("camera")["durable_s"]) + 3)
    assert room.track("camera")["dropped"] == lost
    assert room.track("microphone")["dropped"] == 0
    assert room.track("microphone")["given_up"] == ""
    assert room.status()["failed_encoders"] == {}
    room.command("stop")
    manifest = room.manifest(lecture)
    assert manifest["gaps"] == []
    with room.ledger() as ledger:
        steps = [e.text for e in ledger.events(lecture) if e.kind == "overload"]
    assert len(steps) == 3
    assert all(step.startswith("the preview is off") and ": " in step for step in steps)
    assert sizes(room.package(lecture) / "presenter.mp4") == [(640, 360), (426, 240)]
    room.begin()
    until("all is begun anew", lambda: room.track("camera")["phase"] == "recording")
    assert room.track("camera")["given_up"] == ""


@pytest.mark.parametrize(("codec", "encoder"), [("hevc", "libx265"), ("av1", "libsvtav1")])
def test_a_track_in_another_codec_survives_a_kill_of_its_recorder(
    make_room: MakeRoom, codec: str, encoder: str
) -> None:
    room = make_room({"camera": {**CAMERA, "codec": codec}, "microphone": MICROPHONE})
    room.spool.root.mkdir()
    verdicts = [
        Verdict(each.name, name, each.way == "software")
        for name in ("h264", codec)
        for each in candidates(name)
    ]
    save(room.spool.encoders, Book(this_computer(), "2026-11-22T10:00:00+00:00", tuple(verdicts)))
    room.start_agent()
    room.until_armed()
    until("the book is read", lambda: room.track("camera")["encoder"] == encoder)
    lecture = room.begin()
    room.until_durable(3)
    os.kill(room.recorder_pid("camera"), signal.SIGKILL)
    until("it is noticed", lambda: room.track("camera")["restarts"] == 1)
    until("it records again", lambda: room.track("camera")["phase"] == "recording")
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 2)
    room.command("stop")
    manifest = room.manifest(lecture)
    [gap] = manifest["gaps"]
    assert (gap["track"], gap["cause"]) == ("camera", "recorder crashed")
    [picture] = [each for each in manifest["encoding"] if each["name"] == "presenter.mp4"]
    assert picture["codecs"] == [codec, "aac"]
    seen = manifest["durationSeconds"] - gap["duration"]
    assert frames(room.package(lecture) / "presenter.mp4") >= seen * 15 * 0.8
    with room.ledger() as ledger:
        assert not [e for e in ledger.events(lecture) if e.kind == "codec replaced"]


def test_a_codec_that_nothing_here_can_make_is_replaced_and_told(make_room: MakeRoom) -> None:
    room = make_room({"camera": {**CAMERA, "codec": "av1"}})
    room.spool.root.mkdir()
    verdicts = [Verdict(each.name, "av1", False, "no such card") for each in candidates("av1")]
    verdicts += [Verdict(each.name, "h264", False, "") for each in candidates("h264")]
    save(room.spool.encoders, Book(this_computer(), "2026-11-22T10:00:00+00:00", tuple(verdicts)))
    room.start_agent()
    room.until_armed()
    until("the book is read", lambda: room.track("camera")["encoder"] == "libx264")
    lecture = room.begin()
    room.until_durable(1)
    room.command("stop")
    [picture] = [e for e in room.manifest(lecture)["encoding"] if e["name"] == "presenter.mp4"]
    assert picture["codecs"] == ["h264"]
    with room.ledger() as ledger:
        [told] = [e.text for e in ledger.events(lecture) if e.kind == "codec replaced"]
    assert "edge-agent encoders --codec av1" in told


def test_what_was_measured_is_used_by_the_next_recording_of_a_running_agent(
    make_room: MakeRoom,
) -> None:
    room = make_room({"camera": {"kind": "synthetic"}})
    room.spool.root.mkdir()
    verdicts = [Verdict(each.name, "h264", False) for each in candidates("h264")]
    book = Book(this_computer(), "2026-11-22T10:00:00+00:00", tuple(verdicts))
    save(room.spool.encoders, book)
    room.start_agent()
    room.until_armed()
    effort = {"preset": "ultrafast", "sparse": False, "small": True}
    save(room.spool.encoders, book.with_headroom({"effort": effort}))

    def small() -> bool:
        lecture = room.begin()
        room.until_durable(1)
        room.command("stop")
        return sizes(room.package(lecture) / "presenter.mp4") == [(852, 480)]

    until("it is known to the agent", small)
    room.stop_agent()
    room.configure({"camera": {"kind": "synthetic"}}, recording={"headroom": False})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(1)
    room.command("stop")
    assert sizes(room.package(lecture) / "presenter.mp4") == [(1280, 720)]


def sizes(file: Path) -> list[tuple[int, int]]:
    """The sizes of the pictures that decode, one after the other."""
    with av.open(str(file)) as container:
        found = [(frame.width, frame.height) for frame in container.decode(video=0)]
    return [size for size, _ in itertools.groupby(found)]


def table(room: Classroom) -> str:
    """What `edge-agent encoders` says."""
    done: Any = subprocess.run(
        room.cli("encoders"), env=room._env, capture_output=True, text=True, timeout=60, check=True
    )
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("h264_vaapi")]
    return str(line)
