"""A room that nobody has configured records what is plugged in, also what comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hardware_fixtures import pulse_server, shim_camera
from tests.process.classroom import until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned

pytestmark = pytest.mark.slow


def test_devices_that_are_plugged_in_after_the_start_are_found_and_recorded(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    with shim_camera(tmp_path / "cameras") as cameras, pulse_server(tmp_path / "pulse") as pulse:
        cameras.unplug()
        microphones = ("mic1", "mic2")
        for microphone in microphones:
            pulse.unplug(microphone)
        room = make_room({}, env={**cameras.env, **pulse.env})
        room.start_agent()
        refused = room.command("start")["error"]
        assert (refused["code"], refused["exit"]) == ("no-tracks", 9)
        cameras.plug()
        pulse.plug("mic1", "room1")
        until("the devices are found", lambda: room.status().get("tracks"))
        room.until_armed("camera", "microphone")
        lecture = room.begin()
        room.until_durable(2)
        room.kill_agent()
        room.start_agent()
        until("the tracks are found again", lambda: room.status().get("tracks"))
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 1, "camera", "microphone")
        room.command("stop")
        package = room.package(lecture)
        assert (package / "presenter.mp4").exists()
        assert_aligned(package)
