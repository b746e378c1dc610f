"""Laws of a disk that the kernel itself stops writing to, while a lecture is recorded.

No shim stands between: ext4 finds an error and goes read-only, or the block device below it
refuses. Neither passes by itself. People restart the PC, which checks its disk and mounts it anew.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from edge_agent.verify import file_sha256
from tests.faults.disks import BreakingDisk, breaking_disk
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, classroom, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
DISK_MIB = 128


def closed_segments(room: Classroom, lecture: str) -> dict[Path, str]:
    with room.ledger() as ledger:
        rows = ledger.segments(lecture)
    return {room.spool.track(lecture, row.track) / row.name: row.sha256 for row in rows}


def durable_bytes(room: Classroom, lecture: str) -> dict[Path, tuple[int, str]]:
    """What each file of the lecture holds at this moment: length and hash of that."""
    found = sorted(room.spool.tracks(lecture).glob("*/*.mp4*"))
    texts = {path: path.read_bytes() for path in found}
    return {path: (len(it), hashlib.sha256(it).hexdigest()) for path, it in texts.items()}


def still_there(before: dict[Path, tuple[int, str]]) -> bool:
    """Every byte, in the same file or in what recovery has made of it."""
    return all(
        hashlib.sha256(_now(path).read_bytes()[:length]).hexdigest() == digest
        for path, (length, digest) in before.items()
    )


def _now(path: Path) -> Path:
    return path if path.exists() else path.with_suffix("")


def pressed(room: Classroom, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(room.cli(*words), capture_output=True, text=True, timeout=HANG_S)


@pytest.mark.parametrize("fault", ["an error is found", "the device refuses"])
def test_a_disk_that_breaks_ends_the_recording_cleanly_and_a_restart_brings_the_lecture_back(
    tmp_path: Path, fault: str
) -> None:
    with breaking_disk(tmp_path, DISK_MIB) as disk:
        storage = {"storage": {"spool": str(disk.place / "spool")}}
        with classroom(tmp_path, ROOM, **storage) as room:
            room.spool = Spool(disk.place / "spool")
            room.start_agent()
            room.until_armed()
            lecture = room.begin()
            close_a_segment(room, lecture)
            before, closed = durable_bytes(room, lecture), closed_segments(room, lecture)
            break_(disk, fault)
            people_are_told(room)
            assert room.stop_agent() == 0, "it ends by itself, as at a restart of the PC"
            disk.check_and_mount()
            assert {path: file_sha256(path) for path in closed} == closed
            assert still_there(before)
            goes_on_and_arrives(room, lecture)


def close_a_segment(room: Classroom, lecture: str) -> None:
    """A pause closes them; what comes after it is in files that are being written."""
    room.until_durable(1)
    room.command("pause")
    until("segments are closed", lambda: len(closed_segments(room, lecture)) == len(ROOM))
    room.command("resume")
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)


def break_(disk: BreakingDisk, fault: str) -> None:
    if fault == "an error is found":
        disk.find_error()
    else:
        disk.fail_writing()


def people_are_told(room: Classroom) -> None:
    """Why, and what to do: in the status, by each track, and to who presses a button."""
    assert room.agent is not None
    until(
        "every track says so", lambda: {room.track(n).get("cause") for n in ROOM} == {"disk failed"}
    )
    told = until("people are told", lambda: room.status()["spool"]["trouble"])
    assert "restart this PC" in told
    refused = until("the button is refused", lambda: _refused(room))
    assert "restart this PC" in refused
    assert "permission" not in refused
    assert room.agent.poll() is None, "the supervisor keeps its loop"


def _refused(room: Classroom) -> str:
    """What is said to who presses; nothing while the press is taken."""
    done = pressed(room, "record", "mark", "here")
    return done.stderr if done.returncode else ""


def goes_on_and_arrives(room: Classroom, lecture: str) -> None:
    room.start_agent()
    until("it records again", lambda: {room.track(n).get("phase") for n in ROOM} == {"recording"})
    assert room.status()["lecture"]["id"] == lecture
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
    assert room.status()["spool"]["trouble"] == ""
    room.start_uploader()
    room.command("stop")
    room.delivered(lecture)
    checked = pressed(room, "storage", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert room.lecture(lecture).state is State.DELIVERED
    again = room.begin()
    until("another one is recorded", lambda: room.track("camera").get("durable_s"))
    assert again != lecture
