"""A light with a button beside a real agent: only the USB device is not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from device_profiles.lights.known import load_known
from edge_agent.commands.light import asking, looking
from edge_agent.commands.room import room_of
from edge_agent.config import load
from edge_agent.lights import Lights, Presses, Watch, run
from edge_agent.rules.button import REST_NS, SECOND
from edge_agent.rules.lecture import State
from edge_agent.usb_hid import UsbLights
from tests.fake_usb import FakeDevice, FakeUsb
from tests.process.classroom import MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom

VOICE = {**MICROPHONE, "options": {"stream": "audio", "sound": "speech"}}
BLUE, RED, AMBER, WHITE, DARK = "000833", "ff0000", "ff6e00", "ffffff", "000000"
DOWN, UP = bytes([131, 0, 0, 0, 0, 0, 0, 0]), bytes([131, 1, 0, 0, 0, 0, 0, 0])


class Puck:
    """A light with a button, and the loop that serves it."""

    def __init__(self, room: Classroom) -> None:
        here, settings = room_of(room.config), load(room.config, {})
        self.device = FakeDevice("04d8:f372", product="LUXAFOR MUTE")
        lights = Lights(UsbLights(load_known(), FakeUsb(self.device)))
        self.told: list[str] = []
        self._stop = threading.Event()
        self._loop = threading.Thread(
            target=run,
            args=(
                lights,
                Watch(*looking(settings, here)),
                Presses(asking(here), self.told.append),
                self._stop,
            ),
        )
        self._loop.start()

    def shows(self, color: str) -> None:
        """Wait for it; a blinking light shows it half of the time."""
        until(f"the light is {color}", lambda: self.device.written()[-1:] == [_bytes(color)])

    def tap(self) -> None:
        self.device.reports += [DOWN, UP]

    def rest_after(self, answer: str) -> None:
        """Presses that come too soon after one that did something have no effect."""
        until(answer, lambda: self.told[-1:] == [answer])
        time.sleep(REST_NS / SECOND)

    def close(self) -> None:
        self._stop.set()
        self._loop.join()


def _bytes(color: str) -> str:
    return f"01ff{color}000000"


@pytest.fixture
def puck(make_room: MakeRoom) -> Iterator[tuple[Classroom, Puck]]:
    room = make_room({"microphone": VOICE}, recording={"undo_seconds": 600.0})
    room.start_agent()
    puck = Puck(room)
    try:
        yield room, puck
    finally:
        puck.close()


def test_a_lecture_by_one_button_from_start_to_stop(puck: tuple[Classroom, Puck]) -> None:
    room, button = puck
    button.shows(BLUE)
    button.tap()
    button.shows(RED)
    assert room.track("microphone")["durable_s"] is not None, "red is said of what is on the disk"

    button.rest_after("start: done")
    lecture = room.status()["lecture"]["id"]
    button.tap()
    button.shows(AMBER)
    assert room.lecture(lecture).state is State.PAUSED

    button.rest_after("pause: done")
    button.device.reports.append(DOWN)
    room.until_state(lecture, State.FINISHING, State.HELD)
    button.device.reports.append(UP)
    button.shows(BLUE)
    assert _bytes(WHITE) in button.device.written()
    assert button.told[-1] == "stop: done"


def test_when_the_agent_dies_the_light_does_not_go_on_saying_recording(
    puck: tuple[Classroom, Puck],
) -> None:
    room, button = puck
    button.shows(BLUE)
    button.tap()
    button.shows(RED)
    room.kill_agent()
    button.shows(DARK)
    button.tap()
    until("the press is answered", lambda: "start: the agent is not running" in button.told)
