"""Laws of the USB devices that the virtual classroom plugs in, as a guest's kernel asks them."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from device_profiles.lights.patterns import RED
from device_profiles.lights.protocols import PROTOCOLS
from tests.appliance.usb_controls import Controls
from tests.appliance.usb_descriptors import Webcam
from tests.appliance.usb_light import Light
from tests.appliance.usbip import (
    BUS_ID,
    RESET,
    RET_SUBMIT,
    RET_UNLINK,
    STALL,
    Cable,
    Device,
    Feeder,
    never,
    receive,
)

GET_DESCRIPTOR, FROM_DEVICE = 6, 0x80
TO_INTERFACE, FROM_INTERFACE = 0x21, 0xA1
HEAD = struct.Struct(">IIIIIiiiii8x")
S = 3600


class Guest:
    """The other end of a cable."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._number = line, 0

    def submit(self, endpoint: int, setup: bytes, data: bytes = b"", length: int = 0) -> int:
        self._number += 1
        inward = int(not data and bool(length))
        words = struct.pack(">IIIII", 1, self._number, 0x00010002, inward, endpoint)
        words += struct.pack(">IiiiI", 0, length or len(data), 0, 0, 0) + setup.ljust(8, b"\0")
        self._line.sendall(words + data)
        return self._number

    def answer(self) -> tuple[int, int, bytes]:
        """Kind, status, data."""
        head = HEAD.unpack(receive(self._line, HEAD.size))
        inward = self._asked_inward and head[0] == RET_SUBMIT
        return head[0], head[5], receive(self._line, head[6]) if inward else b""

    def control(self, kind: int, request: int, value: int, index: int, data: bytes | int) -> bytes:
        """Raises OSError for a stall."""
        length = data if isinstance(data, int) else len(data)
        setup = struct.pack("<BBHHH", kind, request, value, index, length)
        self._asked_inward = bool(kind & 0x80)
        out = b"" if isinstance(data, int) else data
        self.submit(0, setup, out, length if self._asked_inward else 0)
        _, status, answer = self.answer()
        if status:
            raise OSError(-status, "stall")
        return answer

    def unlink(self, number: int) -> int:
        """Take a request back; its status."""
        words = struct.pack(">IIIII", 2, self._number + 1, 0x00010002, 0, 0)
        self._line.sendall(words + struct.pack(">I24x", number))
        self._asked_inward = False
        kind, status, _ = self.answer()
        assert kind == RET_UNLINK
        return status


@contextmanager
def attached(device: Device, feeders: Mapping[int, Feeder]) -> Iterator[Guest]:
    here, there = socket.socketpair()
    server = threading.Thread(target=Cable(there, device, feeders).serve, daemon=True)
    server.start()
    with here:
        here.settimeout(20)
        yield Guest(here)
    server.join(20)
    there.close()


@pytest.fixture
def controls(tmp_path: Path) -> Path:
    return tmp_path / "controls.json"


def webcam(controls: Path, serial: str = "CAM0001") -> Webcam:
    return Webcam(320, 180, 10, serial, Controls(controls))


def parts(configuration: bytes) -> Iterator[bytes]:
    """The descriptors of a configuration, one after the other."""
    while configuration:
        yield configuration[: configuration[0]]
        configuration = configuration[configuration[0] :]


def test_a_configurations_lengths_fit_what_is_in_it(controls: Path, tmp_path: Path) -> None:
    for device in (webcam(controls), Light(tmp_path / "seen")):
        with attached(device, {}) as guest:
            told = guest.control(FROM_DEVICE, GET_DESCRIPTOR, 0x0200, 0, 4096)
        found = list(parts(told))
        assert struct.unpack_from("<H", told, 2)[0] == len(told) == sum(map(len, found))
        assert told[4] == len({each[2] for each in found if each[1] == 4}), "its interfaces"
        for at, each in enumerate(found):
            if each[1:3] == b"\x24\x01" and found[at - 1][5:7] == b"\x0e\x01":  # video control
                inside = b"".join(found[at : at + 4])
                assert struct.unpack_from("<H", each, 5)[0] == len(inside)
                assert [part[2] for part in found[at : at + 4]] == [1, 2, 5, 3]


@pytest.mark.parametrize(("serial", "index"), [("CAM0001", 3), ("", 0)])
def test_a_webcam_without_a_serial_number_says_that_it_has_none(
    controls: Path, serial: str, index: int
) -> None:
    with attached(webcam(controls, serial), {}) as guest:
        device = guest.control(FROM_DEVICE, GET_DESCRIPTOR, 0x0100, 0, 18)
    assert device[16] == index


@pytest.mark.parametrize(
    ("entity", "selector", "layout", "values", "names"),
    [
        (2, 0x02, "<h", (77,), ("brightness",)),
        (2, 0x05, "<B", (2,), ("power_line_frequency",)),
        (1, 0x0B, "<H", (150,), ("zoom_absolute",)),
        (1, 0x0D, "<ii", (-10 * S, 5 * S), ("pan_absolute", "tilt_absolute")),
    ],
)
def test_a_control_is_told_set_read_and_forgotten(
    controls: Path,
    entity: int,
    selector: int,
    layout: str,
    values: tuple[int, ...],
    names: tuple[str, ...],
) -> None:
    camera = webcam(controls)
    place = selector << 8, entity << 8
    size = struct.calcsize(layout)
    with attached(camera, {}) as guest:
        low, high, first = (
            struct.unpack(layout, guest.control(FROM_INTERFACE, request, *place, size))
            for request in (0x82, 0x83, 0x87)
        )
        assert all(a <= b <= c for a, b, c in zip(low, values, high, strict=True))
        assert guest.control(FROM_INTERFACE, 0x86, *place, 1) == b"\x03"
        guest.control(TO_INTERFACE, 0x01, *place, struct.pack(layout, *values))
        assert guest.control(FROM_INTERFACE, 0x81, *place, size) == struct.pack(layout, *values)
        said = json.loads(controls.read_text())
        assert [said[name] for name in names] == list(values)
        camera.controls.forget()
        assert guest.control(FROM_INTERFACE, 0x81, *place, size) == struct.pack(layout, *first)


def test_what_it_has_not_is_a_stall(controls: Path) -> None:
    with attached(webcam(controls), {}) as guest:
        with pytest.raises(OSError, match="stall"):
            guest.control(FROM_INTERFACE, 0x81, 0x0300, 0x0200, 2)  # contrast
        guest.submit(5, b"", length=8)
        assert guest.answer()[1] == STALL


def test_a_request_that_is_taken_back_is_never_answered(controls: Path) -> None:
    with attached(webcam(controls), {2: never}) as guest:
        waiting = guest.submit(2, b"", length=96)
        assert guest.unlink(waiting) == RESET
        assert guest.unlink(waiting) == 0, "it is gone already"


def test_a_light_does_what_it_hears_and_notes_it(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (red,) = [each for each in PROTOCOLS["blink1"].greet if each.data[1:2] == b"D"]
    with attached(Light(seen), {1: never}) as guest:
        reports = guest.control(0x81, GET_DESCRIPTOR, 0x2200, 0, 256)
        assert reports[:3] == bytes.fromhex("06abff")
        for data in (b"\x01n\xff\0\0\0\0\0", red.data):
            guest.control(TO_INTERFACE, 0x09, 0x0301, 0, data)
        guest.control(TO_INTERFACE, 0x09, 0x0301, 0, b"\x01v\0\0\0\0\0\0")
        assert guest.control(FROM_INTERFACE, 0x01, 0x0301, 0, 8)[3:5] == b"25"
    lines = [json.loads(line) for line in seen.read_text().splitlines()]
    assert [each.get("hears") or each["shows"] for each in lines] == ["n", list(RED), "D", "v"]


def test_the_bus_id_has_its_width() -> None:
    assert len(BUS_ID) == 32
