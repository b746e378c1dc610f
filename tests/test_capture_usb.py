"""Which webcam is meant: serial numbers and sockets, as sysfs tells them, whatever the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.discover import Device, match_camera
from capture.source import DeviceMissing
from tests.hardware_fixtures import reading
from tests.usb_bus import UsbBus, usb_bus

SERIAL, OTHER = "200901010077", "200901019999"
MINE, STRANGER = f"usb:046d:0825:{SERIAL}", f"usb:046d:0825:{OTHER}"
SOCKET = "usb-0000:00:14.0-"


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[UsbBus]:
    with usb_bus(tmp_path / "bus") as found:
        yield found


def opened(bus: UsbBus, device: str, identity: str = "") -> dict[str, Any]:
    """What the source says of itself: its info, or its error."""
    spec = {"kind": "v4l2", "device": device, "size": [320, 240], "identity": identity}
    with reading(spec, bus.env, count=1) as reader:
        return reader.next()


def test_a_camera_is_itself_at_whatever_node_and_socket(bus: UsbBus) -> None:
    bus.plug(0, 3, SERIAL)
    assert opened(bus, MINE)["opened"]["identity"] == MINE
    bus.unplug(0, 3)
    bus.plug(2, 4, SERIAL)
    assert opened(bus, MINE)["opened"]["identity"] == MINE


@pytest.mark.parametrize("device", [MINE, "/dev/video0"])
def test_another_camera_at_the_old_node_is_not_taken_in_its_place(bus: UsbBus, device: str) -> None:
    bus.plug(0, 4, OTHER)
    told = opened(bus, device, identity=MINE)
    assert told["error"] == "DeviceMissing"
    assert STRANGER in told["hint"], "people see which one is there"
    bus.plug(2, 3, SERIAL)
    assert opened(bus, device, identity=MINE)["opened"]["identity"] == MINE


def test_a_node_means_what_is_there_as_long_as_nothing_was_recorded(bus: UsbBus) -> None:
    bus.plug(0, 4, OTHER)
    assert opened(bus, "/dev/video0")["opened"]["identity"] == STRANGER


def test_two_cameras_of_one_serial_number_are_told_apart_by_their_sockets(bus: UsbBus) -> None:
    bus.plug(0, 3, SERIAL)
    bus.plug(1, 6, SERIAL)
    for port in (3, 6):
        name = f"{MINE}@{SOCKET}{port}"
        assert opened(bus, name)["opened"]["identity"] == name
    told = opened(bus, MINE)
    assert "more than one" in told["reason"]
    assert f"{MINE}@{SOCKET}6" in told["hint"]
    bus.unplug(0, 3)
    assert opened(bus, f"{MINE}@{SOCKET}3")["error"] == "DeviceMissing", "not its twin"
    bus.plug(7, 3, SERIAL)
    assert opened(bus, f"{MINE}@{SOCKET}3")["opened"]["identity"] == f"{MINE}@{SOCKET}3"


def test_a_twin_that_is_alone_is_still_known_by_its_socket(bus: UsbBus) -> None:
    bus.plug(4, 6, SERIAL)
    assert opened(bus, f"{MINE}@{SOCKET}6")["opened"]["identity"] == MINE


def test_a_camera_without_a_serial_number_is_its_socket(bus: UsbBus) -> None:
    bus.plug(0, 3)
    bus.plug(1, 6)
    assert opened(bus, f"port:{SOCKET}6")["opened"]["identity"] == f"port:{SOCKET}6"
    bus.unplug(1, 6)
    assert opened(bus, f"port:{SOCKET}6")["error"] == "DeviceMissing"


def device(node: str, name: str, where: str, identity: str) -> Device:
    return Device("v4l2", node, name, where, identity)


def test_several_nodes_of_one_camera_are_one_camera() -> None:
    nodes = [device(f"/dev/video{n}", "C920", "usb-1", MINE) for n in (0, 2)]
    assert match_camera(MINE, nodes).id == "/dev/video0"
    assert match_camera("C920", nodes).id == "/dev/video0"


def test_a_name_that_two_cameras_have_means_neither() -> None:
    cameras = [
        device("/dev/video0", "C270", "usb-1", MINE),
        device("/dev/video1", "C270", "usb-2", STRANGER),
    ]
    with pytest.raises(DeviceMissing, match="more than one"):
        match_camera("C270", cameras)
    assert match_camera(STRANGER, cameras).id == "/dev/video1"
