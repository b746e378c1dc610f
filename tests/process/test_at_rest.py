"""The real agent makes small versions of a real lecture, and leaves off when it has to record."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edge_agent.rules.lecture import State
from edge_agent.rules.renditions import AUDIO_LITE
from tests.process.classroom import MICROPHONE, Classroom, classroom, until

CAMERA = {"kind": "synthetic", "size": [640, 360], "fps": 15.0, "crf": 10}
WISHES = {"audio": True, "camera": "h264", "wait_minutes": 60.0}
#: At the lowest priority, beside other tests.
PATIENCE_S = 400.0


def renderers(room: Classroom) -> list[int]:
    """Processes of ours that make small versions."""
    found = []
    assert room.agent is not None
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if b"edge_agent.renderer" in words and parent == room.agent.pid:
            found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_recording_ends_the_work_and_it_is_made_up_for(tmp_path: Path) -> None:
    tracks = {"camera": CAMERA, "microphone": MICROPHONE}
    with classroom(tmp_path, tracks, renditions=WISHES) as room:
        room.start_agent()
        room.start_uploader()
        room.until_armed("camera", "microphone")
        first = room.begin(title="First")
        room.until_durable(8, "camera", "microphone")
        room.command("stop")
        (renderer,) = until("a renderer", lambda: renderers(room), PATIENCE_S)
        assert os.sched_getscheduler(renderer) in (os.SCHED_IDLE, os.SCHED_OTHER)
        assert not (room.platform / first / "presenter.mp4").exists()
        pressed = time.monotonic()
        second = room.begin(title="Second")
        until("no renderer", lambda: not renderers(room))
        told_s = time.monotonic() - pressed
        room.until_durable(2, "camera", "microphone")
        assert renderers(room) == []
        room.command("stop")
        for lecture in (first, second):
            until(
                "delivery",
                lambda which=lecture: room.lecture(which).state is State.DELIVERED,
                PATIENCE_S,
            )
            names = {entry["name"] for entry in room.manifest(lecture)["encoding"]}
            assert AUDIO_LITE in names
            assert room.lecture(lecture).renditions == "made"
            assert (room.delivered(lecture) / AUDIO_LITE).stat().st_size > 1000
        print(f"the renderer was gone {told_s * 1000:.0f} ms after the order to record")
