"""Two of one kind at once, as whole processes: one goes on undisturbed, the other says why not."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.commands.output import Exit
from edge_agent.locks import is_held
from edge_agent.spool import Runtime
from edge_agent.verify import verify_package
from tests.process.classroom import HANG_S, MICROPHONE, Classroom, classroom, until

pytestmark = pytest.mark.slow
MakeRoom = Callable[..., Classroom]
TRACKS = {"microphone": MICROPHONE}


@contextmanager
def running(room: Classroom, *words: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        room.cli(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def refused(child: subprocess.Popen[str]) -> str:
    """It has ended as it should; what it said to people."""
    _, said = child.communicate(timeout=HANG_S)
    assert child.returncode == Exit.WRONG_STATE, said
    assert "Traceback" not in said
    return said


def lecture_of(room: Classroom) -> None:
    """From the press to a package that is whole and has no gap."""
    room.until_armed(*TRACKS)
    lecture = room.begin()
    room.until_durable(2)
    room.command("stop")
    assert verify_package(room.package(lecture)) == []
    assert room.manifest(lecture)["gaps"] == []


def test_of_two_agents_that_start_together_one_goes_on_and_one_says_why_not(
    make_room: MakeRoom,
) -> None:
    room = make_room(TRACKS)
    with running(room, "run") as one, running(room, "run") as other:
        until("one has given way", lambda: one.poll() is not None or other.poll() is not None)
        late, there = (one, other) if one.poll() is not None else (other, one)
        said = refused(late)
        assert "the agent process is already running" in said
        assert "next:  look at it with: edge-agent status" in said
        until("the other tells", lambda: room.status().get("pid") == there.pid)
        lecture_of(room)
        there.terminate()
        assert there.wait(HANG_S) == 0


def test_an_agent_of_another_configuration_gets_no_spool_that_is_in_use(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    """Its runtime folder is another, so that neither sees the other's locks and status there."""
    room = make_room(TRACKS)
    room.start_agent()
    room.until_armed(*TRACKS)
    lecture = room.begin()
    room.until_durable(1)
    spool = {"spool": str(room.spool.root)}
    (tmp_path / "other").mkdir()
    with classroom(tmp_path / "other", TRACKS, storage=spool) as other:
        for words in (["run"], ["storage", "check", "--repair"]):
            with running(other, *words) as late:
                said = refused(late)
            assert (
                f"another agent process, of another configuration, uses {room.spool.root}" in said
            )
            assert "next:  end that one, or give this one a folder of its own" in said
        room.start_uploader()
        until("the upload runs", lambda: is_held(room.runtime.upload_lock))
        with running(other, "upload", "run") as late:
            assert f"another upload process, of another configuration, uses {room.spool.root}" in (
                refused(late)
            )
    room.until_durable(3)
    room.command("stop")
    assert verify_package(room.package(lecture)) == []
    assert room.manifest(lecture)["gaps"] == []


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


SERVICES: dict[str, tuple[Callable[[Runtime], Path], dict[str, Any]]] = {
    "upload": (lambda runtime: runtime.upload_lock, {}),
    "schedule": (lambda runtime: runtime.schedule_lock, {}),
    "panel": (lambda runtime: runtime.panel_lock, {}),
    "light": (lambda runtime: runtime.light_lock, {}),
    "mqtt": (lambda runtime: runtime.mqtt_lock, {"mqtt": {"url": "mqtt://127.0.0.1:9"}}),
    "alerts": (
        lambda runtime: runtime.alerts_lock,
        {"webhooks": {"desk": {"url": "http://127.0.0.1:9/", "credential": "desk"}}},
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_second_service_of_a_kind_is_refused_and_the_first_goes_on(
    make_room: MakeRoom, service: str
) -> None:
    lock_of, sections = SERVICES[service]
    room = make_room(TRACKS, panel={"port": free_port()}, **sections)
    with running(room, service, "run") as first:
        until("the first has begun", lambda: is_held(lock_of(room.runtime)) or first.poll())
        assert first.poll() is None, first.communicate()
        with running(room, service, "run") as second:
            said = refused(second)
        assert f"process is already running (it holds {lock_of(room.runtime)})" in said
        assert "next:  look at it with: edge-agent status" in said
        assert first.poll() is None
        first.terminate()
        assert first.wait(HANG_S) == 0
