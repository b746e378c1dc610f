"""What the USB webcam says of itself: a camera with one size and rate of pictures, which moves and
zooms, and a microphone.

The words are those of USB 2.0 chapter 9, USB Video Class 1.0, USB Audio Class 1.0 and USB/IP.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.appliance.usb_controls import TERMINAL, TERMINAL_BITS, UNIT, UNIT_BITS, Controls
from tests.appliance.usbip import listing

#: Bytes of a bulk transfer of pictures, its header included.
PAYLOAD = 16384
VENDOR, PRODUCT, RELEASE = 0x046D, 0x0825, 0x0012
INTERFACES = ((14, 1), (14, 2), (1, 1), (1, 2))
NAMES = {1: "Logi", 2: "C270 emulated"}
_DEVICE, _CONFIGURATION, _STRING, _QUALIFIER = 1, 2, 3, 6
_RATE = (48_000).to_bytes(3, "little")


def _video_control() -> bytes:
    camera = bytes([0x12, 0x24, 2, TERMINAL, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3]) + TERMINAL_BITS
    unit = bytes([0x0B, 0x24, 5, UNIT, TERMINAL, 0, 0, 2]) + UNIT_BITS + bytes([0])
    output = bytes([9, 0x24, 3, 3, 1, 1, 0, UNIT, 0])
    total = 13 + len(camera) + len(unit) + len(output)
    head = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0100, total, 6_000_000, 1, 1)
    together = bytes([8, 11, 0, 2, 14, 3, 0, 0])
    return together + bytes([9, 4, 0, 0, 0, 14, 1, 0, 0]) + head + camera + unit + output


def _audio() -> bytes:
    """An input of 48 kHz mono s16, 1 ms a packet, on the isochronous endpoint 2."""
    microphone = bytes([12, 0x24, 2, 1, 1, 2, 0, 1, 0, 0, 0, 0])
    output = bytes([9, 0x24, 3, 2, 1, 1, 0, 1, 0])
    total = 9 + len(microphone) + len(output)
    control = struct.pack("<BBBHHBB", 9, 0x24, 1, 0x100, total, 1, 3) + microphone + output
    together = bytes([8, 11, 2, 2, 1, 0, 0, 0])
    idle, streaming = bytes([9, 4, 3, 0, 0, 1, 2, 0, 0]), bytes([9, 4, 3, 1, 1, 1, 2, 0, 0])
    kind = bytes([7, 0x24, 1, 2, 1, 1, 0]) + bytes([11, 0x24, 2, 1, 1, 2, 16, 1]) + _RATE
    endpoint = bytes([9, 5, 0x82, 5, 100, 0, 4, 0, 0]) + bytes([7, 0x25, 1, 0, 0, 0, 0])
    return (
        together + bytes([9, 4, 2, 0, 0, 1, 1, 0, 0]) + control + idle + streaming + kind + endpoint
    )


@dataclass(frozen=True, slots=True)
class Webcam:
    """One webcam; guests tell them apart by the serial, if there is one."""

    width: int
    height: int
    fps: int
    serial: str
    controls: Controls

    def record(self, *, interfaces: bool) -> bytes:
        """As USB/IP lists it."""
        words = listing(VENDOR, PRODUCT, RELEASE, (0xEF, 2, 1), 3, len(INTERFACES))
        pairs = b"".join(bytes([first, second, 0, 0]) for first, second in INTERFACES)
        return words + (pairs if interfaces else b"")

    def control(self, setup: bytes, data: bytes) -> bytes | None:
        """The answer to a request on endpoint 0; None is a stall."""
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        if kind == 0x80 and request == 6:
            found = self._descriptor(value >> 8, value & 0xFF)
            return None if found is None else found[:length]
        if kind in (0x00, 0x01, 0x02):
            return b""
        if kind in (0x80, 0x81, 0x82) and request == 0:
            return b"\0\0"
        if kind in (0xA1, 0x21) and index & 0xFF == 0:
            answer = self.controls.asked(request, value >> 8, index >> 8, data)
            return None if answer is None else answer[:length]
        if kind in (0xA1, 0x21) and index & 0xFF == 1 and value >> 8 in (1, 2):
            return self._video_stream(request, length)
        if kind == 0x22:
            return b""
        return _RATE if kind == 0xA2 else None

    def _video_stream(self, request: int, length: int) -> bytes:
        """SET_CUR, GET_LEN, GET_INFO, and for all others the one mode there is."""
        if request == 0x01:
            return b""
        if request == 0x85:
            return struct.pack("<H", 26)[:length]
        if request == 0x86:
            return b"\x03"
        numbers = (1, 1, 1, self._interval(), 0, 0, 0, 0, 0, self._most_bytes(), PAYLOAD)
        return struct.pack("<HBBIHHHHHII", *numbers)[:length]

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == _DEVICE:
            named = 3 if self.serial else 0
            numbers = (18, 1, 0x200, 0xEF, 2, 1, 64, VENDOR, PRODUCT, RELEASE, 1, 2, named, 1)
            return struct.pack("<BBHBBBBHHHBBBB", *numbers)
        if kind == _CONFIGURATION:
            body = _video_control() + self._video_streaming() + _audio()
            numbers = (9, 2, 9 + len(body), len(INTERFACES), 1, 0, 0x80, 250)
            return struct.pack("<BBHBBBBB", *numbers) + body
        if kind == _QUALIFIER:
            return struct.pack("<BBHBBBBBB", 10, 6, 0x200, 0xEF, 2, 1, 64, 1, 0)
        return self._string(number) if kind == _STRING else None

    def _string(self, number: int) -> bytes:
        if number == 0:
            return bytes([4, 3, 9, 4])
        text = {**NAMES, 3: self.serial}.get(number, "").encode("utf-16le")
        return bytes([2 + len(text), 3]) + text

    def _video_streaming(self) -> bytes:
        """MJPEG on the bulk endpoint 1."""
        interval, most = self._interval(), self._most_bytes()
        size = (30, 0x24, 7, 1, 0, self.width, self.height, 1_000_000, 20_000_000, most)
        frame = struct.pack("<BBBBBHHIIIIBI", *size, interval, 1, interval)
        kind = bytes([11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0])
        total = 14 + len(kind) + len(frame)
        head = struct.pack("<BBBBHBBBBBBBB", 14, 0x24, 1, 1, total, 0x81, 0, 3, 0, 0, 0, 1, 0)
        interface = bytes([9, 4, 1, 0, 1, 14, 2, 0, 0])
        return interface + head + kind + frame + bytes([7, 5, 0x81, 2, 0, 2, 0])

    def _interval(self) -> int:
        """In 100 ns."""
        return 10_000_000 // self.fps

    def _most_bytes(self) -> int:
        return self.width * self.height * 2
