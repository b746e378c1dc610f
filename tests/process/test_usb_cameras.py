"""Laws of webcams that come back elsewhere in a lecture: found by what they are, never replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.process.classroom import MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned
from tests.process.test_kills import check_clean
from tests.usb_bus import usb_bus

pytestmark = pytest.mark.slow
SERIAL, OTHER = "200901010077", "200901019999"
MINE = f"usb:046d:0825:{SERIAL}"
SOCKET = "usb-0000:00:14.0-"


def webcam(device: str, **more: Any) -> dict[str, Any]:
    return {"kind": "v4l2", "device": device, "size": [320, 240], "fps": 15.0, **more}


def records(room: Classroom, track: str) -> None:
    """Until new seconds of it are on the disk."""
    until(f"{track} records", lambda: room.track(track).get("phase") == "recording")
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1, track)


def looks_in_vain(room: Classroom, track: str) -> None:
    """It has looked again twice, and opened nothing."""
    before = room.track(track)["restarts"]
    until("two more tries", lambda: room.track(track)["restarts"] >= before + 2)
    assert room.track(track)["cause"] == "device missing"
    assert room.track(track)["phase"] in ("absent", "starting")


@pytest.mark.parametrize("device", [MINE, "/dev/video0"])
def test_a_camera_that_comes_back_at_another_node_goes_on_and_no_other_takes_its_place(
    make_room: MakeRoom, tmp_path: Path, device: str
) -> None:
    with usb_bus(tmp_path / "bus") as bus:
        bus.plug(0, 3, SERIAL)
        room = make_room({"camera": webcam(device), "microphone": MICROPHONE}, env=bus.env)
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(2)
        bus.unplug(0, 3)
        until("the loss is told", lambda: room.track("camera").get("cause"))
        bus.plug(0, 4, OTHER, picture="Stranger")
        looks_in_vain(room, "camera")
        room.kill_agent()  # whom a new agent may record stands in the ledger
        room.start_agent()
        until("the agent has looked", lambda: room.track("camera").get("restarts", 0) >= 1)
        looks_in_vain(room, "camera")
        there_s = room.status()["lecture"]["elapsed_s"]
        bus.plug(2, 3, SERIAL)
        records(room, "camera")
        room.command("stop")
        assert_aligned(room.package(lecture))
        gaps = [gap for gap in room.manifest(lecture)["gaps"] if gap["track"] == "camera"]
        back_s = gaps[-1]["lectureStart"] + gaps[-1]["duration"] - there_s
        print(f"MEASURED camera back at another node: {back_s:.1f} s after it was there")
        with room.ledger() as ledger:
            [camera] = [t for t in ledger.tracks(lecture) if t.name == "camera"]
            events = [e.kind for e in ledger.events(lecture) if e.track == "camera"]
        assert camera.device == MINE
        assert "device lost" in events
        check_clean(room)


def test_of_two_cameras_with_one_serial_number_the_lost_one_is_waited_for(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    with usb_bus(tmp_path / "bus") as bus:
        bus.plug(0, 3, SERIAL)
        bus.plug(1, 6, SERIAL)
        tracks = {
            "camera": webcam(f"{MINE}@{SOCKET}3"),
            "slides": webcam(f"{MINE}@{SOCKET}6", flavor="presentation/source"),
        }
        room = make_room(tracks, env=bus.env)
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(2)
        bus.unplug(0, 3)
        until("the loss is told", lambda: room.track("camera").get("cause"))
        looks_in_vain(room, "camera")
        bus.plug(7, 3, SERIAL)
        records(room, "camera")
        room.command("stop")
        assert_aligned(room.package(lecture))
        assert {gap["track"] for gap in room.manifest(lecture)["gaps"]} == {"camera"}
        check_clean(room)
