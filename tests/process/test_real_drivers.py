"""One lecture from real drivers: V4L2 camera, X11 screen and PulseAudio microphone at once."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from capture.testcard import read_number
from edge_agent.rules.lecture import State
from tests.hardware_fixtures import pulse_server, rtsp_server, shim_camera, write_pictures, xvfb
from tests.process.classroom import Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow
LECTURE_S = 60
#: A sine of peak 0.25; the player spreads it over two channels at half the power each.
SPOKEN_DBFS = -18.06


def numbers(file: Path) -> list[int]:
    """The frame numbers drawn into a packaged video."""
    with av.open(str(file)) as container:
        return [read_number(frame) for frame in container.decode(video=0)]


def loudness_dbfs(file: Path) -> list[float]:
    """RMS of each second of a sound file."""
    with av.open(str(file)) as container:
        blocks = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    samples = np.concatenate(blocks)
    seconds = samples[: len(samples) // 48_000 * 48_000].reshape(-1, 48_000)
    rms = np.sqrt((seconds.astype(np.float64) ** 2).mean(axis=1))
    return [20 * float(np.log10(max(value, 1e-6))) for value in rms]


def record(room: Classroom, seconds: float) -> Path:
    """One lecture of so many seconds, delivered."""
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lecture = room.begin(title="From real drivers")
    room.until_durable(seconds)
    room.command("stop")
    return room.delivered(lecture)


@pytest.mark.alone
@pytest.mark.timeout(240)
def test_a_minute_of_camera_slides_and_microphone_loses_no_frame(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    with (
        shim_camera(tmp_path / "cameras") as cameras,
        pulse_server(tmp_path / "pulse") as pulse,
        xvfb((640, 360)) as screen,
        pulse.speak("room1"),
    ):
        room = make_room(
            {
                "camera": {
                    "kind": "v4l2",
                    "device": "/dev/video0",
                    "format": "raw",
                    "size": [640, 360],
                    "fps": 15.0,
                },
                "slides": {
                    "kind": "screen",
                    "device": screen.display,
                    "fps": 10.0,
                    "flavor": "presentation/source",
                },
                "microphone": {"kind": "microphone", "device": "pulse:mic1"},
            },
            env={**cameras.env, **pulse.env},
        )
        package = record(room, LECTURE_S)
        check_clean(room)
        duration = assert_aligned(package)
        assert duration >= LECTURE_S
        seen = numbers(package / "presenter.mp4")
        first, last = seen[0], seen[-1]
        print(f"MEASURED {len(seen)} camera frames in {duration:.1f} s, numbers {first} to {last}")
        assert seen == list(range(first, last + 1)), "a frame was lost, doubled or out of order"
        assert len(seen) >= LECTURE_S * 15 - 2
        levels = loudness_dbfs(package / "audio.m4a")
        assert levels[1:-1] == pytest.approx([SPOKEN_DBFS] * (len(levels) - 2), abs=1.0)
        manifest = json.loads((package / "manifest.json").read_text())
        assert manifest["gaps"] == []
        files = {file["name"]: file for file in manifest["encoding"]}
        assert (files["presentation.mp4"]["width"], files["presentation.mp4"]["height"]) == (
            640,
            360,
        )


@pytest.mark.parametrize("form", ["mjpeg", "h264"])
def test_a_usb_camera_is_recorded_in_the_format_that_it_delivers(
    make_room: MakeRoom, tmp_path: Path, form: str
) -> None:
    with shim_camera(tmp_path / "cameras") as cameras:
        cameras.offer(form, frames=900)
        room = make_room(
            {
                "camera": {
                    "kind": "v4l2",
                    "device": "/dev/video0",
                    "format": form,
                    "size": [640, 360],
                    "fps": 15.0,
                }
            },
            env=cameras.env,
        )
        package = record(room, 12)
        seen = numbers(package / "presenter.mp4")
        assert seen == list(range(seen[0], seen[0] + len(seen)))
        assert len(seen) >= 12 * 15 - 2
        assert_aligned(package)


def test_a_network_cameras_own_packets_are_recorded(make_room: MakeRoom, tmp_path: Path) -> None:
    clip = tmp_path / "camera.mp4"
    write_pictures(clip, "h264", 900)
    with rtsp_server(clip) as camera:
        room = make_room({"camera": {"kind": "rtsp", "device": camera.url}})
        package = record(room, 12)
        seen = numbers(package / "presenter.mp4")
        assert seen == list(range(seen[0], seen[0] + len(seen)))
        assert_aligned(package)


def test_an_unplugged_camera_is_back_in_the_lecture_after_it_is_plugged_in(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    with shim_camera(tmp_path / "cameras") as cameras, pulse_server(tmp_path / "pulse") as pulse:
        room = make_room(
            {
                "camera": {"kind": "v4l2", "device": "/dev/video0", "size": [320, 240]},
                "microphone": {"kind": "microphone", "device": "pulse:mic1"},
            },
            env={**cameras.env, **pulse.env},
        )
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(3)
        cameras.unplug()
        until("the loss is told", lambda: room.track("camera").get("cause"))
        cameras.plug()
        until("it records again", lambda: room.track("camera").get("phase") == "recording")
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
        pulse.unplug("mic1")
        until("the loss is told", lambda: room.track("microphone").get("cause"))
        pulse.plug("mic1", "room1")
        until("it records again", lambda: room.track("microphone").get("phase") == "recording")
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
        room.command("stop")
        assert_aligned(room.package(lecture))
        gaps = {gap["track"]: gap for gap in room.manifest(lecture)["gaps"]}
        assert set(gaps) == {"camera", "microphone"}
        for track, gap in gaps.items():
            print(f"MEASURED {track} unplugged and plugged: {gap['duration']:.1f} s of gap")
            assert gap["cause"] in ("device lost", "device missing")
        room.until_state(lecture, State.PACKAGED, State.DELIVERED)
        check_clean(room)
