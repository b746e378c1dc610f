"""Laws of a runtime folder, a tmpfs, that others have filled: it costs what people see, no more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.disks import filled, memory_disk
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, classroom, until
from tests.process.test_kills import check_clean

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOM = {"camera": CAMERA, "microphone": MICROPHONE}


@contextmanager
def room_in_memory(root: Path) -> Iterator[tuple[Classroom, Path]]:
    with (
        memory_disk(root, 4) as place,
        classroom(root, ROOM, storage={"runtime": str(place / "run")}) as room,
    ):
        room.runtime = type(room.runtime)(place / "run")
        yield room, place
        room.close()


def open_gaps(room: Classroom, lecture: str) -> list[str | None]:
    with room.ledger() as ledger:
        return [gap.track for gap in ledger.gaps(lecture) if gap.end_ns is None]


def had_gap(room: Classroom, lecture: str) -> bool:
    with room.ledger() as ledger:
        return bool(ledger.gaps(lecture))


def test_recording_and_even_a_new_recorder_do_not_need_the_runtime_folder(tmp_path: Path) -> None:
    with room_in_memory(tmp_path) as (room, place):
        room.start_agent()
        room.start_uploader()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(2)
        assert room.agent is not None
        camera = room.recorder_pid("camera")
        with filled(place):
            told = room.status()["utc"]
            os.kill(camera, signal.SIGKILL)
            until("the gap is told", lambda: had_gap(room, lecture))
            until("the camera records again", lambda: open_gaps(room, lecture) == [])
            assert room.agent.poll() is None
        until("the status goes on", lambda: room.status().get("utc", told) != told)
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
        room.command("stop")
        room.delivered(lecture)
        gaps = [(gap["track"], gap["cause"]) for gap in room.manifest(lecture)["gaps"]]
        assert gaps == [("camera", "recorder crashed")]
        check_clean(room)
