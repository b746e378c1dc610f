"""Laws of kill -9: whoever dies, the lecture is delivered, once, but for the fragment in flight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned

pytestmark = pytest.mark.slow
ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
#: The fragment in flight, and what the encoder held.
LOST_AT_MOST_S = 2.0


def started(make_room: MakeRoom) -> Classroom:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    return room


def lecture_s(room: Classroom, lecture: str) -> float:
    """Seconds since the press of the button."""
    return (room.lecture(lecture).lecture_ns(time.monotonic_ns()) - START_NS) / 1e9


def check_clean(room: Classroom) -> None:
    done = subprocess.run(
        room.cli("storage", "check"), capture_output=True, text=True, timeout=HANG_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


def processes(module: str, room: Classroom) -> Iterator[int]:
    """The children of this room's agent that run a module."""
    assert room.agent is not None
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if module.encode() in command and parent == room.agent.pid:
                yield int(entry.name)


@pytest.mark.parametrize("track", ["camera", "microphone"])
def test_a_killed_recorder_costs_its_track_the_fragment_in_flight(
    make_room: MakeRoom, track: str
) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    pid = room.recorder_pid(track)
    killed_s = lecture_s(room, lecture)
    os.kill(pid, signal.SIGKILL)
    until("another recorder", lambda: room.recorder_pid(track) != pid)
    until("it records", lambda: room.track(track).get("phase") == "recording")
    room.until_durable(killed_s + 3)
    room.start_uploader()
    room.command("stop")
    delivered = room.delivered(lecture)
    manifest = json.loads((delivered / "manifest.json").read_text())
    assert {gap["track"] for gap in manifest["gaps"]} == {track}, "the other track lost nothing"
    [gap] = manifest["gaps"]
    assert gap["cause"] == "recorder crashed"
    lost_s = killed_s - gap["lectureStart"]
    print(f"MEASURED kill -9 of {track}: {lost_s:.2f} s lost, {gap['duration']:.2f} s of gap")
    assert lost_s <= LOST_AT_MOST_S
    assert_aligned(delivered)
    check_clean(room)


def test_a_killed_supervisor_costs_only_the_time_until_its_restart(make_room: MakeRoom) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    killed_s = lecture_s(room, lecture)
    room.kill_agent()
    room.start_agent()
    until("it records again", lambda: room.track("camera").get("phase") == "recording")
    room.until_durable(killed_s + 3)
    room.start_uploader()
    room.command("stop")
    delivered = room.delivered(lecture)
    manifest = json.loads((delivered / "manifest.json").read_text())
    assert {gap["cause"] for gap in manifest["gaps"]} == {"agent restarted"}
    for gap in manifest["gaps"]:
        lost_s = killed_s - gap["lectureStart"]
        print(f"MEASURED kill -9 of the supervisor: {lost_s:.2f} s of {gap['track']} lost")
        assert lost_s <= LOST_AT_MOST_S
    assert_aligned(delivered)
    check_clean(room)


def test_supervisor_and_recorders_killed_together_as_by_a_power_cut(make_room: MakeRoom) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    pids = [room.recorder_pid(track) for track in ROOM]
    killed_s = lecture_s(room, lecture)
    room.kill_agent()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert len(list(room.spool.tracks(lecture).rglob("*.part"))) == len(ROOM)
    room.start_agent()
    until("it records again", lambda: room.track("camera").get("phase") == "recording")
    room.until_durable(killed_s + 2)
    room.start_uploader()
    room.command("stop")
    delivered = room.delivered(lecture)
    for gap in json.loads((delivered / "manifest.json").read_text())["gaps"]:
        assert killed_s - gap["lectureStart"] <= LOST_AT_MOST_S
    assert_aligned(delivered)
    check_clean(room)


def test_a_supervisor_killed_after_the_stop_was_answered_never_resumes(
    make_room: MakeRoom,
) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(2)
    room.command("stop")
    room.kill_agent()
    room.start_agent()
    room.start_uploader()
    assert_aligned(room.delivered(lecture))
    assert room.status()["lecture"] is None
    check_clean(room)


def test_a_killed_finisher_is_started_again(make_room: MakeRoom) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    room.command("stop")
    killed: set[int] = set()

    def kill_one() -> bool:
        for pid in set(processes("edge_agent.finisher", room)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return len(killed) == 3

    until("three finishers", kill_one)
    assert_aligned(room.package(lecture))
    with room.ledger() as ledger:
        assert [e.kind for e in ledger.events(lecture)].count("finisher died") == 3
    check_clean(room)


def test_a_killed_upload_process_delivers_once_after_its_restart(make_room: MakeRoom) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    room.command("stop")
    room.package(lecture)
    for _ in range(5):
        room.start_uploader()
        assert room.uploader is not None
        until("it begins", lambda: any(room.platform.rglob("*")) or room.uploader.poll())  # type: ignore[union-attr]
        room.uploader.kill()
        room.uploader.wait(HANG_S)
    room.start_uploader()
    delivered = room.delivered(lecture)
    assert list(delivered.rglob("*.part")) == []
    assert [path.name for path in room.platform.iterdir()] == [lecture]
    check_clean(room)


def test_a_supervisor_killed_while_finishing_finishes_after_its_restart(
    make_room: MakeRoom,
) -> None:
    room = started(make_room)
    lecture = room.begin()
    room.until_durable(3)
    room.command("stop")
    until("a finisher", lambda: list(processes("edge_agent.finisher", room)))
    room.kill_agent()
    room.start_agent()
    room.start_uploader()
    assert_aligned(room.delivered(lecture))
    assert room.lecture(lecture).state is State.DELIVERED
    check_clean(room)


def test_a_stop_is_taken_back_beside_its_package_and_new_words_follow_what_was_sent(
    make_room: MakeRoom,
) -> None:
    """The agent is killed between the two, and what was packaged is recorded on."""
    room = make_room(ROOM, recording={"undo_seconds": 600.0})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lecture = room.begin(title="Heat")
    room.until_durable(2)
    room.command("stop", undo=True)
    room.until_state(lecture, State.HELD)
    assert list(room.platform.iterdir()) == []
    room.kill_agent()
    room.start_agent()
    room.until_armed()
    room.command("continue", lecture=lecture)
    assert not room.spool.package(lecture).exists()
    room.until_durable(4)
    room.command("stop")
    sent = json.loads((room.delivered(lecture) / "manifest.json").read_text())
    assert "stopped" in {gap["cause"] for gap in sent["gaps"]}
    assert sent["durationSeconds"] >= 4
    room.command("edit", lecture=lecture, title="Heat 2")

    def renamed() -> bool:
        there = json.loads((room.platform / lecture / "manifest.json").read_text())
        return (there["name"], there["revision"]) == ("Heat 2", sent["revision"] + 1)

    until("the platform has the other title", renamed)
    room.delivered(lecture)
