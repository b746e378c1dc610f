"""Which file goes when: hours, small versions first, and what overtakes a long one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.delivery import IDLE_S, Delivery
from edge_agent.rows import OutboxRow
from edge_agent.upload_queue import LOOK_S
from tests.delivery_room import CLOCK, Place, Room
from tests.delivery_room import room as room
from tests.fixed_clock import FixedClock
from uploader.folder import FolderDestination as FolderPlace
from uploader.sender import Artifact, Destination, Progress, Receipt


@dataclass
class Hours:
    """When sending is allowed; over as soon as the named file is on its way."""

    open: bool = False
    closes_at: str = ""

    def open_for(self, _row: OutboxRow) -> bool:
        return self.open

    def breaks_off(self, _row: OutboxRow) -> bool:
        return not self.open

    def asked(self, _lecture: str) -> bool:
        return False


class Telling(Destination):
    """A real folder; the hours end when a certain file is on its way."""

    def __init__(self, folder: FolderPlace, hours: Hours) -> None:
        self._folder = folder
        self._hours = hours

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self._folder.receipt(lecture, artifact)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if artifact.name == self._hours.closes_at:
            self._hours.open = False
        return self._folder.send(lecture, artifact, path, progress)


@pytest.mark.parametrize("boot", ["of the package", "another"])
def test_the_full_quality_waits_for_small_versions_only_so_long(room: Room, boot: str) -> None:
    room.package("L1", {"manifest.json": b"m", "slides.mp4": b"s", "b": b"b", "c": b"c", "d": b"d"})
    wanted = {"renditions": "wanted", "packaged_boot": CLOCK.now().boot, "packaged_ns": 0}
    if boot == "another":  # then all that counts is the time since this one began
        wanted |= {"packaged_boot": "another", "packaged_ns": 10**18}
    room.ledger.set_lecture("L1", **wanted)
    place, clock = Place(), FixedClock(mono=100 * 10**9, boot=CLOCK.now().boot)
    places = {"platform": place}
    process = Delivery(room.ledger, room.spool, places, clock, patience_s=1000)
    while process.step() == 0.0:
        clock.pass_time(1)
    assert place.sent == ["manifest.json", "slides.mp4", "b", "c"]
    clock.pass_time(1000)
    assert process.step() == 0.0
    assert room.ledger.waiting() == []


def test_outside_its_hours_nothing_is_sent_and_a_file_on_its_way_waits(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "camera.mp4": b"c" * 100})
    hours = Hours()
    place = Telling(FolderPlace(room.place, "test", lambda: "now"), hours)
    process = Delivery(room.ledger, room.spool, {"platform": place}, SystemClock(), leave=hours)
    assert process.step() == IDLE_S
    hours.open = True
    hours.closes_at = "camera.mp4"
    assert [process.step() for _ in range(3)] == [0.0, 0.0, IDLE_S]
    assert [row.name for row in room.ledger.waiting()] == ["camera.mp4"]
    assert room.row("camera.mp4").last_error == ""
    hours.open, hours.closes_at = True, ""
    assert process.step() == 0.0
    assert room.ledger.waiting() == []


def test_the_full_quality_follows_at_once_when_the_small_versions_are_made(room: Room) -> None:
    room.package("L1", {str(place): b"x" for place in range(5)})
    room.ledger.set_lecture("L1", renditions="wanted", packaged_boot=CLOCK.now().boot)
    clock, place = FixedClock(boot=CLOCK.now().boot), Place()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, patience_s=10**6)
    while process.step() == 0.0:
        pass
    assert place.sent == ["0", "1", "2", "3"]
    room.ledger.set_lecture("L1", renditions="made")
    process.step()
    assert place.sent[-1] == "4"


@dataclass
class LongWay(Place):
    """Sends in ten steps; in the fifth something happens once."""

    happens: Callable[[], None] = lambda: None
    steps: list[str] = field(default_factory=list)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        for step in range(10):
            progress("copying", step)
            self.steps.append(artifact.name)
            if step == 5:
                happens, self.happens = self.happens, lambda: None
                happens()
        return super().send(lecture, artifact, path, progress)


def test_what_is_worth_more_overtakes_a_long_file_on_its_way(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "presenter.mp4": b"v"})
    clock = FixedClock()

    def another_lecture() -> None:
        room.package("L2", {"manifest-2": b"m", "presenter-2": b"v"})
        clock.pass_time(LOOK_S)

    place = LongWay()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock)
    process.step()
    place.happens = another_lecture
    while process.step() == 0.0:
        pass
    assert place.sent == ["manifest.json", "manifest-2", "presenter-2", "presenter.mp4"]
    assert place.steps.count("presenter.mp4") == 16
    assert {row.last_error for row in room.ledger.outbox()} == {""}


def test_what_would_have_to_begin_anew_is_let_through(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "presenter.mp4": b"v"})
    clock = FixedClock()

    def another_lecture() -> None:
        room.package("L2", {"manifest-2": b"m"})
        clock.pass_time(LOOK_S)

    place = LongWay()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, whole={"platform"})
    process.step()
    place.happens = another_lecture
    while process.step() == 0.0:
        pass
    assert place.sent == ["manifest.json", "presenter.mp4", "manifest-2"]
    assert place.steps.count("presenter.mp4") == 10
