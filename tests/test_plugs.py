"""Laws of plugging in: what udev tells, and that nobody waits for the next try then."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capture.plugs import NoPlugs, Plug, UdevPlugs, plug_of
from edge_agent.discovery import AGAIN_NS, CLOSEST_NS, LATER_NS, SETTLED_NS, Discovery
from edge_agent.pipes import Line
from edge_agent.rules.health import RETRY_MOST_NS, SECOND, Phase
from tests.hardware_fixtures import Reader, child_env
from tests.simulated_room import SimulatedRoom
from tests.usb_bus import usb_bus

SOCKET = "pci-0000:00:14.0-usb-0:3:1.0"
EVENTS = [
    (("add", "video4linux", "video2", SOCKET), Plug("v4l2", True, "video2", SOCKET)),
    (("remove", "video4linux", "video2", ""), Plug("v4l2", False, "video2")),
    (("add", "sound", "card1", ""), Plug("microphone", True, "card1")),
    (("change", "sound", "card1", ""), Plug("microphone", True, "card1")),
    (("remove", "sound", "card1", ""), Plug("microphone", False, "card1")),
    (("add", "sound", "pcmC1D0c", ""), None),
    (("add", "video4linux", "v4l-subdev0", ""), None),
    (("add", "usb", "1-3", ""), None),
]


@pytest.mark.parametrize(("event", "plug"), EVENTS, ids=lambda it: str(it))
def test_an_event_is_of_a_whole_device_or_passed_over(
    event: tuple[str, str, str, str], plug: Plug | None
) -> None:
    assert plug_of(*event) == plug


class Told(NoPlugs):
    """Tells what it is given."""

    def __init__(self) -> None:
        self.waiting: list[Plug] = []

    def news(self) -> list[Plug]:
        told, self.waiting = self.waiting, []
        return told


ROOM: dict[str, Any] = {
    "camera": {"kind": "v4l2", "device": "/dev/video0"},
    "microphone": {"kind": "microphone", "device": "hw:CARD=C270,DEV=0"},
}


def phases(room: SimulatedRoom) -> dict[str, Phase]:
    return {name: recorder.phase for name, recorder in room.room.recorders.items()}


@pytest.mark.parametrize(("kind", "track"), [("v4l2", "camera"), ("microphone", "microphone")])
def test_who_waits_for_a_device_tries_at_once_when_one_of_its_kind_comes(
    tmp_path: Path, kind: Any, track: str
) -> None:
    plugs = Told()
    room = SimulatedRoom(tmp_path, ROOM, plugs)
    try:
        room.outside.plugged = set()
        room.run(30)
        assert phases(room)[track] is Phase.ABSENT
        room.outside.plugged = set(ROOM)
        plugs.waiting = [Plug(kind, came=True)]
        room.settle()
        other = next(name for name in ROOM if name != track)
        assert phases(room)[track] is Phase.ARMED, "no time has passed"
        assert phases(room)[other] is Phase.ABSENT, "nothing of its kind has come"
        room.run(RETRY_MOST_NS / SECOND + 1)
        assert phases(room)[other] is Phase.ARMED, "the usual tries go on"
    finally:
        room.close()


def test_a_device_that_goes_starts_nothing(tmp_path: Path) -> None:
    plugs = Told()
    room = SimulatedRoom(tmp_path, ROOM, plugs)
    try:
        room.outside.plugged = set()
        room.run(30)
        restarts = {name: it.restarts for name, it in room.room.recorders.items()}
        plugs.waiting = [Plug("v4l2", came=False), Plug("microphone", came=False)]
        room.settle()
        assert {name: it.restarts for name, it in room.room.recorders.items()} == restarts
    finally:
        room.close()


class Looking:
    """A child that finds nothing, and ends when it is told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.ended = False

    def start(self, first: Line, whole: bool = False) -> None:
        self.looks, self.ended = self.looks + 1, False

    def fileno(self) -> int:
        return -1

    def send(self, line: Line) -> None: ...

    def lines(self) -> list[bytes]:
        return []

    def signal(self, number: signal.Signals) -> None: ...

    def reap(self) -> int | None:
        return 0 if self.ended else None


def looked(discovery: Discovery, child: Looking, now_ns: int) -> bool:
    """Whether it looks at this moment; the look ends at once."""
    before = child.looks
    discovery.step(now_ns)
    child.ended = True
    discovery.step(now_ns)
    return child.looks > before


def test_a_room_without_devices_looks_at_once_when_one_comes_and_once_more_after_that() -> None:
    child = Looking()
    discovery = Discovery(child)
    assert looked(discovery, child, 0)
    now_ns = 5 * SECOND
    assert now_ns < AGAIN_NS < LATER_NS
    assert not looked(discovery, child, now_ns)
    discovery.device_came(now_ns)
    assert looked(discovery, child, now_ns)
    assert not looked(discovery, child, now_ns + SETTLED_NS - 1)
    assert looked(discovery, child, now_ns + SETTLED_NS), "a sound server was slow to notice"
    assert not looked(discovery, child, now_ns + SETTLED_NS + AGAIN_NS - 1)


def test_one_that_comes_during_a_look_is_looked_for_again() -> None:
    child = Looking()
    discovery = Discovery(child)
    discovery.step(0)
    discovery.device_came(SECOND // 2)
    child.ended = True
    discovery.step(SECOND)
    assert looked(discovery, child, SECOND + SETTLED_NS)


def test_a_plug_that_makes_and_breaks_contact_costs_one_look_a_second() -> None:
    child = Looking()
    discovery = Discovery(child)
    for tenth in range(100):
        discovery.device_came(tenth * SECOND // 10)
        looked(discovery, child, tenth * SECOND // 10)
    assert child.looks <= 10 * SECOND // CLOSEST_NS


def test_without_libudev_it_says_so_and_nothing_is_ever_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyudev._ctypeslib.utils.find_library", lambda name: None)
    plugs = UdevPlugs()
    assert "udev" in plugs.open()
    assert (plugs.fileno(), plugs.news()) == (-1, [])
    plugs.close()


def test_where_udev_does_not_run_it_is_said(tmp_path: Path) -> None:
    plugs = UdevPlugs(tmp_path / "control")
    assert plugs.open() == "udev does not run here"
    plugs.close()


LISTEN = """
import dataclasses, json, select, sys
from pathlib import Path
from capture.plugs import UdevPlugs
plugs = UdevPlugs(Path(sys.argv[1]))
print(json.dumps({"why_not": plugs.open()}), flush=True)
while True:
    select.select([plugs.fileno()], [], [])
    for plug in plugs.news():
        print(json.dumps(dataclasses.asdict(plug)), flush=True)
"""


def until(reader: Reader, came: bool, node: str) -> None:
    """The bus tells some things twice; nothing else may come between."""
    told = [reader.next()]
    while told[-1] == told[0] and (told[-1]["came"], told[-1]["node"]) != (came, node):
        told.append(reader.next())
    assert (told[-1]["kind"], told[-1]["came"], told[-1]["node"]) == ("v4l2", came, node), told


def test_udev_tells_at_once_what_was_plugged_in_and_pulled_out(tmp_path: Path) -> None:
    """By the real libudev, on a bus of umockdev's."""
    with usb_bus(tmp_path / "bus") as bus:
        command = [sys.executable, "-c", LISTEN, str(tmp_path)]
        with subprocess.Popen(
            command, env=child_env(bus.env), stdout=subprocess.PIPE, text=True
        ) as child:
            try:
                reader = Reader(child)
                assert reader.next() == {"why_not": ""}
                bus.plug(0, 3, "200901010077")
                until(reader, True, "video0")
                bus.unplug(0, 3)
                until(reader, False, "video0")
                bus.plug(2, 4, "200901010077")
                until(reader, True, "video2")
            finally:
                child.kill()
                child.wait(60)
