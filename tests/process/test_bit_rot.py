"""A segment rots while its lecture is under way: the real agent, finisher and upload."""

from __future__ import annotations

import random
import subprocess

import pytest

from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom

pytestmark = pytest.mark.slow


def checked(room: Classroom) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        room.cli("storage", "check"), capture_output=True, text=True, timeout=HANG_S
    )


def test_a_rotten_header_costs_its_segment_is_told_and_kept(make_room: MakeRoom) -> None:
    room = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lecture = room.begin()

    def closed() -> int:
        with room.ledger() as ledger:
            return sum(each.track == "camera" for each in ledger.segments(lecture))

    until("two segments are closed", lambda: closed() >= 2)
    rotten = room.spool.track(lecture, "camera") / "000001.mp4"
    with rotten.open("r+b") as file:
        file.write(random.Random(5).randbytes(600))
    content = rotten.read_bytes()
    said = checked(room)
    assert said.returncode == 3
    assert "camera/000001.mp4: has another content than the ledger says" in said.stdout
    room.command("stop")
    room.delivered(lecture)
    [gap] = room.manifest(lecture)["gaps"]
    assert (gap["track"], gap["cause"]) == ("camera", "000001.mp4 is damaged")
    assert (room.spool.aside / f"{lecture}-camera-000001.mp4").read_bytes() == content
    with room.ledger() as ledger:
        [event] = [each for each in ledger.events(lecture) if each.kind == "set aside"]
    assert "header" in event.text or "no fragment" in event.text
    said = checked(room)
    assert said.returncode == 0, said.stdout
    assert "1 file in aside/ could not be used" in said.stdout
