"""What buttons, pedals and pads say: which of their keys are down. Pure; none tried on hardware.

Each reader takes one report and gives the keys that are down, or None when the report is not about
keys. Keys that have a meaning of their own come as that; a key without one is the only button.

Where the reports come from:
* keyboards (PCsensor pedals, CH55x pads): HID 1.11 appendix B.1, the boot protocol's eight bytes,
  with usages of HID Usage Tables section 10 (F13 is 0x68).
* Luxafor Mute: busylight-core 2.5.0 notes 131 with 0 on push and 1 on release.
* MuteMe: users' descriptions: byte 3 is 4 on touch, 1 while touched, 2 on release, 0 at rest.
* Delcom: read command 100 gives port 0 first (linville/delcom904x); users of the lecture beacon say
  that its switch is there. A pin that is pulled low is a pressed one: our reading, not theirs.
* Stream Deck Pedal: python-elgato-streamdeck, one byte for each of three keys from byte 4 on.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Key(StrEnum):
    """What a key is for."""

    #: The only button: start, pause and resume, stop when it is held.
    ONE = "one"
    GO = "go"
    PAUSE = "pause"
    STOP = "stop"
    MARK = "mark"


Keys = frozenset[Key]
NONE: Keys = frozenset()
_ONE: Keys = frozenset({Key.ONE})

#: F13 to F16, which no application uses: pads and pedals are programmed to them.
FUNCTION_KEYS = {0x68: Key.GO, 0x69: Key.PAUSE, 0x6A: Key.STOP, 0x6B: Key.MARK}
_BOOT_BYTES = 8
#: Usages below are errors, such as too many keys at once.
_FIRST_USAGE = 0x04


def keyboard(report: bytes) -> Keys | None:
    """Modifiers, a reserved byte, six usages. A key with another usage counts as the only one."""
    if len(report) < _BOOT_BYTES:
        return None
    usages = [usage for usage in report[2:_BOOT_BYTES] if usage]
    if any(usage < _FIRST_USAGE for usage in usages):
        return None
    named = frozenset(FUNCTION_KEYS.get(usage, Key.ONE) for usage in usages)
    return named or (_ONE if report[0] else NONE)


def luxafor(report: bytes) -> Keys | None:
    if len(report) < 2 or report[0] != 131:
        return None
    return NONE if report[1] else _ONE


def muteme(report: bytes) -> Keys | None:
    if len(report) < 4:
        return None
    return _ONE if report[3] in (1, 4) else NONE


def delcom(report: bytes) -> Keys | None:
    """The answer to the read command."""
    if not report:
        return None
    return NONE if report[0] & 1 else _ONE


_PEDALS = (Key.GO, Key.PAUSE, Key.STOP)


def streamdeck_pedal(report: bytes) -> Keys | None:
    """From left to right: start and resume, pause, stop when held."""
    down = report[4 : 4 + len(_PEDALS)]
    if len(down) < len(_PEDALS):
        return None
    return frozenset(key for key, state in zip(_PEDALS, down, strict=True) if state)


READERS: dict[str, Callable[[bytes], Keys | None]] = {
    "keyboard": keyboard,
    "luxafor": luxafor,
    "muteme": muteme,
    "delcom": delcom,
    "streamdeck-pedal": streamdeck_pedal,
}
#: Asked for with GET_REPORT (feature): the report's number and length. Others speak by themselves.
ASKED = {"delcom": (100, 8)}
#: These must be told to use the boot protocol.
BOOT = frozenset({"keyboard"})
