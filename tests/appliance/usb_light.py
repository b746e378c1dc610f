"""A blink(1) on USB, served by USB/IP to the guest's real HID driver and to libusb there.

    python -m tests.appliance.usb_light PORT SEEN.jsonl

Ending this process pulls the plug. What the LED shows, and each word that it hears, becomes a line
of SEEN.jsonl with the monotonic time: {"at", "shows"} or {"at", "hears"}. Its own watchdog is the
firmware's, see `tests.blink1`. Descriptors: todbot/blink1, hardware/firmware_mk2/usb_descriptors.c.
"""

from __future__ import annotations

import json
import struct
import sys
import threading
import time
from pathlib import Path

from tests.appliance.usbip import listing, never, serve
from tests.blink1 import Blink1

VENDOR, PRODUCT, RELEASE = 0x27B8, 0x01ED, 0x0101
NAMES = {1: "ThingM", 2: "blink(1) mk2", 3: "20001234"}
#: The LED is looked at so often.
LOOK_S = 0.02
_DEVICE, _CONFIGURATION, _STRING, _HID, _REPORTS = 1, 2, 3, 0x21, 0x22
_GET_REPORT, _SET_REPORT = 0x01, 0x09
#: Vendor page 0xFFAB: feature report 1 of 8 bytes (its number among them).
_REPORT = bytes.fromhex("06abff0a0020a1018501150026ff007508950709" + "00b102c0")
_HID_DESCRIPTOR = struct.pack("<BBHBBBH", 9, _HID, 0x111, 0, 1, _REPORTS, len(_REPORT))


class Light:
    """What the guest attaches. Used by several threads."""

    def __init__(self, seen: Path) -> None:
        self._seen = seen
        self._led, self._lock = Blink1(), threading.Lock()
        self._shown: object = None

    def record(self, *, interfaces: bool) -> bytes:
        """Full speed, one interface."""
        words = listing(VENDOR, PRODUCT, RELEASE, (0, 0, 0), 2, 1)
        return words + (bytes([3, 0, 0, 0]) if interfaces else b"")

    def control(self, setup: bytes, data: bytes) -> bytes | None:
        """The answer to a request on endpoint 0; None is a stall."""
        kind, request, value, _, length = struct.unpack("<BBHHH", setup)
        if kind in (0x80, 0x81) and request == 6:
            found = self._descriptor(value >> 8, value & 0xFF)
            return None if found is None else found[:length]
        if kind in (0x80, 0x81) and request == 0:
            return b"\0\0"
        if (kind, request) == (0xA1, _GET_REPORT):
            with self._lock:
                return self._led.answer()[:length]
        if (kind, request) == (0x21, _SET_REPORT):
            self._hear(data)
        return b"" if not kind & 0x80 else None

    def watch(self) -> None:
        """For ever: note each change of the LED, its own ones too."""
        while True:
            with self._lock:
                self._look(time.monotonic())
            time.sleep(LOOK_S)

    def _hear(self, report: bytes) -> None:
        with self._lock:
            now_s = time.monotonic()
            self._led.command(report, now_s)
            self._note(now_s, hears=chr(report[1]))
            self._look(now_s)

    def _look(self, now_s: float) -> None:
        shows = self._led.shows(now_s)
        if shows != self._shown:
            self._shown = shows
            self._note(now_s, shows=shows)

    def _note(self, now_s: float, **what: object) -> None:
        with self._seen.open("a") as file:
            file.write(json.dumps({"at": round(now_s, 3), **what}) + "\n")

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == _DEVICE:
            numbers = (18, 1, 0x200, 0, 0, 0, 8, VENDOR, PRODUCT, RELEASE, 1, 2, 3, 1)
            return struct.pack("<BBHBBBBHHHBBBB", *numbers)
        if kind == _CONFIGURATION:
            interface = bytes([9, 4, 0, 0, 1, 3, 0, 0, 0]) + _HID_DESCRIPTOR
            body = interface + bytes([7, 5, 0x81, 3, 8, 0, 10])
            return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 1, 1, 0, 0x80, 50) + body
        if kind == _HID:
            return _HID_DESCRIPTOR
        if kind == _REPORTS:
            return _REPORT
        return self._string(number) if kind == _STRING else None

    def _string(self, number: int) -> bytes:
        if number == 0:
            return bytes([4, 3, 9, 4])
        text = NAMES.get(number, "").encode("utf-16le")
        return bytes([2 + len(text), 3]) + text


def main(port: str, seen: str) -> None:
    light = Light(Path(seen))
    threading.Thread(target=light.watch, daemon=True).start()
    serve(int(port), light, {1: never})


if __name__ == "__main__":
    main(*sys.argv[1:])
