"""Laws of a PC that has no process to give just now: the room goes on, and the rest comes later."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.encoder_choice import EncoderChoice
from edge_agent.rules.lecture import State
from tests.simulated_children import SimulatedFinisher
from tests.simulated_room import SimulatedRoom
from tests.test_live_versions import MINUTE, FakeProcess
from tests.test_live_versions import Room as LiveRoom
from tests.test_small_versions import FakeRenderer
from tests.test_small_versions import Room as SmallRoom


def no_room() -> OSError:
    return OSError(errno.EAGAIN, "Resource temporarily unavailable")


def crowded(start: Callable[..., Any], times: int) -> Callable[..., Any]:
    """A start that is refused so often."""
    left = [times]

    def refused(*arguments: Any, **more: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise no_room()
        start(*arguments, **more)

    return refused


def test_a_lecture_is_packaged_when_there_is_room_for_a_finisher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatedFinisher, "start", crowded(SimulatedFinisher.start, 3))
    room = SimulatedRoom(tmp_path)
    room.run(1)
    for verb in ("start", "stop"):
        room.post(verb, {}, verb)
        room.run(5)
    room.run(10)
    assert [lecture.state for lecture in room.ledger.lectures()] == [State.PACKAGED]
    room.close()


def test_small_versions_are_made_when_there_is_room_for_a_renderer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeRenderer, "start", crowded(FakeRenderer.start, 1))
    room = SmallRoom(tmp_path)
    room.package("a")
    with pytest.raises(BlockingIOError):
        room.rest()
    assert not room.small.active
    room.rest()
    assert room.process.starts == ["a"]
    room.ledger.close()


def test_the_small_camera_is_made_when_there_is_room_for_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeProcess, "start", crowded(FakeProcess.start, 1))
    room = LiveRoom(tmp_path)
    with pytest.raises(BlockingIOError):
        room.pass_time(MINUTE)
    room.pass_time(MINUTE)
    assert room.process.starts == ["x"]


def test_a_lecture_begins_and_ends_while_no_encoder_can_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise no_room()

    room = SimulatedRoom(tmp_path)
    room.run(1)
    monkeypatch.setattr(EncoderChoice, "step", refuse)
    for verb, state in (("start", State.RECORDING), ("stop", State.FINISHING)):
        room.post(verb, {}, verb)
        room.run(0.5)
        assert [lecture.state for lecture in room.ledger.lectures()] == [state]
    room.close()
