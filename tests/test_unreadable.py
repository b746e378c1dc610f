"""Laws of a disk that cannot give some files or folders any more: they cost themselves alone."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.recovery import Recovery
from edge_agent.rules.lecture import State
from tests.simulated_room import SimulatedRoom
from tests.simulated_room import room as room
from tests.test_recovery import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.ledger.close()


def unreadable(monkeypatch: pytest.MonkeyPatch, way: str, bad: Callable[[Path], bool]) -> None:
    """Bad sectors, or a folder's: the disk itself is fine otherwise."""
    real = getattr(Path, way)

    def fail(path: Path, *arguments: Any, **more: Any) -> Any:
        if bad(path):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(Path, way, fail)


def recorded(room: SimulatedRoom, key: str) -> str:
    """A lecture that has just been stopped."""
    for verb, seconds in (("start", 5.0), ("stop", 0.5)):
        room.post(verb, {}, f"{verb} {key}")
        room.run(seconds)
    return room.ledger.ids()[-1]


@pytest.mark.parametrize("name", ["000002.mp4", "000002.mp4.part"])
def test_a_file_that_cannot_be_read_is_set_aside_and_the_lecture_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place.begin()
    folder = place.record(0, 5)
    shutil.copy(folder / "000001.mp4", folder / name)
    place.write_times()
    unreadable(monkeypatch, "open", lambda path: path.name == name)
    place.recover()
    assert [row.name for row in place.ledger.segments("L1")] == ["000001.mp4"]
    assert [path.name for path in place.spool.aside.iterdir()] == [f"L1-microphone-{name}"]
    told = [event.text for event in place.ledger.events("L1") if event.kind == "set aside"]
    assert len(told) == 1
    assert "cannot be read (Input/output error)" in told[0]
    assert place.ledger.existing("L1").state is State.RECORDING


def test_a_folder_that_cannot_be_read_is_told_and_the_agent_starts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.begin()
    place.record(0, 5)
    place.recover()
    unreadable(monkeypatch, "iterdir", lambda path: path.name == "microphone")
    place.recover()
    assert len(place.ledger.segments("L1")) == 1, "what cannot be seen is not lost"
    told = [event.text for event in place.ledger.last_events(5) if event.kind == "not recovered"]
    assert len(told) == 1
    assert "lectures/L1" in told[0]


def test_a_lecture_that_cannot_be_read_holds_up_no_other_ones_package(
    room: SimulatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recorded(room, "first")
    real = Recovery.adopt_tracks

    def refuse(recovery: Recovery, lecture: str, *rest: Any, **more: Any) -> None:
        if lecture == first:
            raise OSError(errno.EIO, "Input/output error")
        real(recovery, lecture, *rest, **more)

    room.finisher.signal(9)  # type: ignore[arg-type]  # it had begun in good time
    monkeypatch.setattr(Recovery, "adopt_tracks", refuse)
    second = recorded(room, "second")
    room.run(20)
    states = {lecture.id: lecture.state for lecture in room.ledger.lectures()}
    assert states == {first: State.FINISHING, second: State.PACKAGED}
    monkeypatch.undo()
    room.run(40)
    assert room.ledger.existing(first).state is State.PACKAGED


@pytest.mark.parametrize("folder", ["tracks", "package"])
def test_a_folder_of_an_older_lecture_that_cannot_be_looked_at_stops_no_new_one(
    room: SimulatedRoom, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    first = recorded(room, "first")
    room.run(10)
    room.ledger.set_state(first, State.HELD)
    room.kill_supervisor()
    unreadable(monkeypatch, "stat", lambda path: path == room.spool.lecture(first) / folder)
    room.start()
    second = recorded(room, "second")
    assert second != first
    assert room.ledger.existing(second).state is State.FINISHING
    monkeypatch.undo()
    room.run(10)
    assert {it.state for it in room.ledger.lectures()} == {State.PACKAGED}
