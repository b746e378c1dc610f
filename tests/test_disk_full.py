"""Laws of what people are told when a lecture waits for space on the disk."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent import durable
from edge_agent.rules.plan import DISK_FULL
from edge_agent.rules.space import ENOUGH_TO_GO_ON, FULL, LEAST_TO_RECORD
from tests.simulated_room import TRACKS, SimulatedRoom

PLENTY = 1 << 40


class Disk:
    """As much of it is free as the test says."""

    def __init__(self) -> None:
        self.free = PLENTY

    def usage(self, _path: object) -> SimpleNamespace:
        return SimpleNamespace(free=self.free)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(shutil, "disk_usage", disk.usage)
    return disk


@pytest.fixture
def room(tmp_path: Path, disk: Disk) -> Iterator[SimulatedRoom]:
    room = SimulatedRoom(tmp_path)
    room.run(1)
    yield room
    room.close()


def told(room: SimulatedRoom) -> list[tuple[str, str]]:
    status: dict[str, Any] = json.loads(room.runtime.status.read_text())
    return [(status["tracks"][name]["cause"], status["tracks"][name]["reason"]) for name in TRACKS]


def events(room: SimulatedRoom, lecture: str) -> list[str | None]:
    return [each.track for each in room.ledger.events(lecture) if each.kind == DISK_FULL]


def test_each_track_says_why_until_there_is_space_and_once_as_an_event(
    room: SimulatedRoom, disk: Disk
) -> None:
    room.post("start", {}, "start")
    room.run(3)
    lecture = room.ledger.active()
    assert lecture is not None
    assert told(room) == [("", "")] * len(TRACKS)
    disk.free = LEAST_TO_RECORD - 1
    room.run(5)
    assert told(room) == [(DISK_FULL, FULL)] * len(TRACKS)
    disk.free = ENOUGH_TO_GO_ON - 1
    room.run(5)
    assert told(room) == [(DISK_FULL, FULL)] * len(TRACKS), "a little space is not enough"
    disk.free = ENOUGH_TO_GO_ON
    room.run(5)
    assert told(room) == [("", "")] * len(TRACKS)
    assert sorted(events(room, lecture.id), key=str) == sorted(TRACKS)
    disk.free = PLENTY
    room.post("stop", {}, "stop")
    room.run(20)
    text = (room.spool.package(lecture.id) / "manifest.json").read_text()
    gaps = [gap["track"] for gap in json.loads(text)["gaps"] if gap["cause"] == DISK_FULL]
    assert sorted(gaps) == sorted(TRACKS)


def test_without_a_lecture_a_full_disk_is_no_tracks_fault(room: SimulatedRoom, disk: Disk) -> None:
    disk.free = 0
    room.run(5)
    assert told(room) == [("", "")] * len(TRACKS)


def test_a_lecture_that_the_disk_refused_does_not_end_the_next_one_after_a_crash(
    room: SimulatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed sync may leave a whole file, which nobody has been told of."""

    def fail(_path: Path, _flags: int = 0) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(durable, "_sync", fail)
        refused = room.post("start", {}, "refused")
        room.settle()
    begun = room.post("start", {}, "begun")
    room.run(5)
    found = [room.ledger.command(number) for number in (refused, begun)]
    answers = [dict(each.answer or {}) for each in found if each]
    assert answers[0]["error"]["code"] == "disk"
    room.kill_supervisor()
    room.start()
    room.run(5)
    under_way = room.ledger.active()
    assert under_way is not None
    assert under_way.id == answers[1]["lecture"]
    assert room.ledger.ids() == [under_way.id]
