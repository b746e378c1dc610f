"""Laws of disks that are full, dying, read-only or slow, with real processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.disks import FaultyDisk, faulty_disk, filled, small_disk
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, classroom, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
#: After the fault is over, a lecture goes on by itself within this time.
BACK_S = 10.0


@contextmanager
def room_on_faulty_disk(root: Path) -> Iterator[tuple[Classroom, FaultyDisk]]:
    disk = faulty_disk(root, root / "spool")
    with classroom(root, ROOM, env=disk.env) as room:
        yield room, disk
        print(room.log())


def phases(room: Classroom) -> set[str]:
    return {room.track(name)["phase"] for name in ROOM if room.track(name)}


def causes(room: Classroom) -> set[str]:
    return {str(room.track(name).get("cause")) for name in ROOM}


def trouble(room: Classroom) -> str:
    return str(room.status().get("spool", {}).get("trouble", ""))


def start(room: Classroom) -> str:
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    return lecture


def goes_on(room: Classroom, lecture: str) -> float:
    """Seconds until every track of this lecture has new seconds on the disk."""
    began = time.monotonic()
    until("it records again", lambda: phases(room) == {"recording"})
    back_s = time.monotonic() - began
    assert room.status()["lecture"]["id"] == lecture
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 1)
    assert trouble(room) == ""
    return back_s


def delivered_with_gaps(room: Classroom, lecture: str) -> set[str]:
    """Stop, deliver, check the storage; the causes of the gaps."""
    room.start_uploader()
    room.command("stop")
    room.delivered(lecture)
    check = subprocess.run(
        room.cli("storage", "check"), capture_output=True, text=True, timeout=HANG_S
    )
    assert check.returncode == 0, check.stdout + check.stderr
    return {gap["cause"] for gap in room.manifest(lecture)["gaps"]}


def test_on_a_full_disk_a_recording_ends_cleanly_and_goes_on_when_there_is_space(
    tmp_path: Path,
) -> None:
    with (
        small_disk(tmp_path, 256) as place,
        classroom(tmp_path, ROOM, storage={"spool": str(place / "spool")}) as room,
    ):
        room.spool = type(room.spool)(place / "spool")
        lecture = start(room)
        assert room.agent is not None
        with filled(place):
            until("no track is recorded", lambda: phases(room) == {"armed"})
            until("people are told", lambda: "disk is full" in trouble(room))
            with room.ledger() as ledger:
                gaps = [gap for gap in ledger.gaps(lecture) if gap.end_ns is None]
                events = [event.track for event in ledger.events(lecture) if "full" in event.kind]
            assert {gap.cause for gap in gaps} == {"disk full"}
            assert set(events) == set(ROOM)
            until("each track says why", lambda: causes(room) == {"disk full"})
            # The buttons still work: the ledger has a reserve of its own.
            for number in range(20):
                pressed = subprocess.run(
                    room.cli("record", "mark", f"{number}"), capture_output=True, timeout=HANG_S
                )
                assert pressed.returncode == 0, pressed.stderr
            refused = subprocess.run(room.cli("record", "start"), capture_output=True, check=False)
            assert refused.returncode == 5
            assert phases(room) == {"armed"}
        back_s = goes_on(room, lecture)
        print(f"MEASURED back after a full disk: {back_s:.1f} s")
        assert back_s <= BACK_S
        assert room.agent.poll() is None, "the agent lived through it"
        assert delivered_with_gaps(room, lecture) == {"disk full"}
        print(room.log())
        room.close()


def test_a_package_for_which_there_is_no_space_is_built_when_there_is(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path, 256) as place,
        classroom(tmp_path, ROOM, storage={"spool": str(place / "spool")}) as room,
    ):
        room.spool = type(room.spool)(place / "spool")
        lecture = start(room)
        with filled(place):
            stopped = subprocess.run(
                room.cli("record", "stop"), capture_output=True, timeout=HANG_S
            )
            assert stopped.returncode == 0, stopped.stderr
            until("people are told", lambda: "not packaged yet" in room.lecture(lecture).reason)
        room.start_uploader()
        room.delivered(lecture)
        assert room.lecture(lecture).reason == ""
        room.close()


def test_the_start_warns_of_a_disk_that_holds_less_than_an_hour(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path, 256) as place,
        classroom(tmp_path, ROOM, storage={"spool": str(place / "spool")}) as room,
    ):
        room.spool = type(room.spool)(place / "spool")
        room.start_agent()
        room.until_armed()
        answer = room.command("start")
        assert "room for about" in answer["warning"]
        room.close()


@pytest.mark.parametrize("fault", ["eio", "enospc", "readonly"])
def test_a_disk_that_refuses_costs_its_time_only(tmp_path: Path, fault: str) -> None:
    with room_on_faulty_disk(tmp_path) as (room, disk):
        lecture = start(room)
        assert room.agent is not None
        disk.break_(fault)
        until("recorders met it", lambda: phases(room) & {"absent", "starting", "armed"})
        until("people are told", lambda: trouble(room))
        time.sleep(3)  # several tries of everything
        assert room.agent.poll() is None, "the supervisor keeps its loop"
        disk.mend(fault)
        back_s = goes_on(room, lecture)
        print(f"MEASURED back after {fault}: {back_s:.1f} s")
        assert back_s <= BACK_S
        cause = "disk full" if fault == "enospc" else "disk failed"
        assert delivered_with_gaps(room, lecture) == {cause}


def test_a_disk_whose_sync_takes_two_seconds_loses_nothing(tmp_path: Path) -> None:
    with room_on_faulty_disk(tmp_path) as (room, disk):
        lecture = start(room)
        disk.break_("slow", "2")
        room.until_durable(24)
        assert phases(room) == {"recording"}
        disk.mend("slow")
        assert delivered_with_gaps(room, lecture) == set()


def test_a_track_whose_disk_hangs_holds_up_no_other(tmp_path: Path) -> None:
    with room_on_faulty_disk(tmp_path) as (room, disk):
        lecture = start(room)
        disk.break_("slow", "8 /tracks/camera/")
        held = room.track("camera")["durable_s"]
        elapsed = room.status()["lecture"]["elapsed_s"]
        room.until_durable(elapsed + 5, "microphone")
        assert room.track("camera")["durable_s"] <= held + 2, "the camera's disk did hang"
        disk.mend("slow")
        room.until_durable(elapsed + 5, "camera")
        assert delivered_with_gaps(room, lecture) == set()


def test_on_a_disk_whose_sync_takes_two_seconds_every_press_is_answered(tmp_path: Path) -> None:
    """SQLite's waiting is not fair: between the agent's commits others must find a gap."""
    presses = ["start", "mark one", "pause", "resume", "mark two", "stop"]
    with room_on_faulty_disk(tmp_path) as (room, disk):
        room.start_agent()
        room.until_armed()
        disk.break_("slow", "2")
        for words in presses:
            began = time.monotonic()
            pressed = subprocess.run(
                room.cli("record", *words.split()),
                env={**os.environ, **disk.env},
                capture_output=True,
                text=True,
                timeout=2 * HANG_S,
            )
            print(f"MEASURED {words}: {time.monotonic() - began:.1f} s")
            assert pressed.returncode == 0, pressed.stderr
        disk.mend("slow")
        with room.ledger() as ledger:
            [lecture] = ledger.lectures()
            assert [mark.text for mark in ledger.marks(lecture.id)] == ["one", "two"]
        room.start_uploader()
        room.delivered(lecture.id)
