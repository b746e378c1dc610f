"""What the USB webcam lets be set: brightness, the mains' frequency, and where it looks.

Words and numbers are those of USB Video Class 1.0, sections 4.2.2.1 (camera terminal), 4.2.2.3
(processing unit) and their selectors in appendix A.9. It knows its settings until it is unplugged
or told to forget them.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

#: The numbers of the two entities in the descriptors.
TERMINAL, UNIT = 1, 2
#: Bits of bmControls. Camera terminal: zoom and pan/tilt, absolute. Unit: brightness, the mains.
TERMINAL_BITS = (1 << 9 | 1 << 11).to_bytes(3, "little")
UNIT_BITS = (1 << 0 | 1 << 10).to_bytes(2, "little")
#: Appendix A.8. GET_CUR, GET_MIN, GET_MAX, GET_RES and GET_DEF have values for an answer.
_SET_CUR, _GET_LEN, _GET_INFO = 0x01, 0x85, 0x86
_GET_CUR, _GET_MIN, _GET_MAX, _GET_RES, _GET_DEF = 0x81, 0x82, 0x83, 0x84, 0x87
_DEGREE = 3600  # of pan and tilt, in seconds of arc


@dataclass(frozen=True, slots=True)
class Control:
    """One of them; of pan and tilt the two values go together."""

    names: tuple[str, ...]
    layout: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    step: tuple[int, ...]
    first: tuple[int, ...]

    def pack(self, values: tuple[int, ...]) -> bytes:
        return struct.pack(self.layout, *values)


#: By entity and selector.
KNOWN = {
    (UNIT, 0x02): Control(("brightness",), "<h", (0,), (255,), (1,), (128,)),
    (UNIT, 0x05): Control(("power_line_frequency",), "<B", (0,), (2,), (1,), (0,)),
    (TERMINAL, 0x0B): Control(("zoom_absolute",), "<H", (100,), (500,), (1,), (100,)),
    (TERMINAL, 0x0D): Control(
        ("pan_absolute", "tilt_absolute"),
        "<ii",
        (-170 * _DEGREE, -30 * _DEGREE),
        (170 * _DEGREE, 90 * _DEGREE),
        (_DEGREE, _DEGREE),
        (0, 0),
    ),
}


class Controls:
    """Their values, which also stand in a file for whoever judges."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.forget()

    def forget(self) -> None:
        """As after losing power."""
        self._values = {key: control.first for key, control in KNOWN.items()}
        self._sets = 0
        self._write()

    def asked(self, request: int, selector: int, entity: int, data: bytes) -> bytes | None:
        """The answer to a request; None is a stall."""
        control = KNOWN.get((entity, selector))
        if control is None:
            return None
        if request == _SET_CUR:
            self._values[entity, selector] = struct.unpack(control.layout, data)
            self._sets += 1
            self._write()
            return b""
        if request == _GET_LEN:
            return struct.pack("<H", struct.calcsize(control.layout))
        if request == _GET_INFO:
            return b"\x03"  # it can be read and set, and does not change by itself
        ranges = {_GET_MIN: control.low, _GET_MAX: control.high, _GET_RES: control.step}
        ranges |= {_GET_DEF: control.first, _GET_CUR: self._values[entity, selector]}
        values = ranges.get(request)
        return None if values is None else control.pack(values)

    def _write(self) -> None:
        said: dict[str, int] = {"sets": self._sets}
        for key, values in self._values.items():
            said |= zip(KNOWN[key].names, values, strict=True)
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(said))
        beside.replace(self._file)
