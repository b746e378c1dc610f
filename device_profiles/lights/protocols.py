"""The bytes that each kind of light wants. Pure; nothing here was tried on hardware of ours.

Where the bytes come from:
* blink(1): the maker's docs/blink1-hid-commands.md (todbot/blink1), which names all commands, and
  hardware/firmware_mk2/main.c, which says what they do.
* Luxafor: drivers/hid/hid-led.c of Linux (8 bytes, no report number), and busylight-core 2.5.0.
* Delcom: hid-led.c (commands 101/12 and 101/34, feature reports), linville/delcom904x (101/20).
* Kuando: busylight-core 2.5.0 (seven steps of 8 bytes, colours 0 to 100, footer, keep-alive).
* BlinkStick: the report numbers 1 and 6 as busylight-core and drivers for other languages use them.
* MuteMe: descriptions of its reports by users, which agree with busylight-core's bits.
* Embrava and Plantronics: busylight-core 2.5.0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from device_profiles.lights.patterns import BLUE, DARK, Look

#: The kinds of reports, as HID 1.11 section 7.2 numbers them.
OUTPUT, FEATURE = 2, 3
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Write:
    """One report for the light; `data` goes over the wire, with the number if it has one."""

    kind: int
    report: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one family of lights is spoken to."""

    show: Callable[[Look], tuple[Write, ...]]
    #: Once, when the light is opened.
    greet: tuple[Write, ...] = ()
    #: Again and again, so that the light knows that somebody attends to it; then every `feed_ns`.
    feed: tuple[Write, ...] = ()
    feed_ns: int = 0
    #: When we leave it alone on purpose.
    leave: tuple[Write, ...] = ()


# ---------------------------------------------------------------- blink(1)

#: Of all models: mk1 keeps 12 lines of a pattern, later ones 16 or 32.
_LINES = 12
#: The light believes us dead after this.
BLINK1_PATIENCE_MS = 4000


def _blink1(letter: str, *arguments: int) -> Write:
    data = bytes([1, ord(letter), *arguments])
    return Write(FEATURE, 1, data.ljust(8, b"\0"))


def _ticks(milliseconds: int) -> tuple[int, int]:
    """In hundredths of a second, high byte first."""
    high, low = divmod(milliseconds // 10, 256)
    return high, low


def _show_blink1(look: Look) -> tuple[Write, ...]:
    return (_blink1("n", *look.rgb),)


def _lines_of_blink1() -> tuple[Write, ...]:
    """What it plays by itself when nobody feeds it: a short blue flash each two seconds.

    All lines are written, into its memory only (never saved): a model that knows no range plays
    them all. The time of a line covers its fade and its stay.
    """
    flash, dark = _ticks(200), _ticks(1800)
    pairs = [(BLUE, flash), (DARK, dark)] * (_LINES // 2)
    return tuple(_blink1("P", *rgb, *time, line) for line, (rgb, time) in enumerate(pairs))


#: Without it each word of ours would switch the light off: the maker's "maintain state".
_KEEP_COLOR = 1
_TICKLE = _blink1("D", 1, *_ticks(BLINK1_PATIENCE_MS), _KEEP_COLOR, 0, _LINES - 1)

# ---------------------------------------------------------------- Luxafor

_ALL_LEDS = 0xFF


def _show_luxafor(look: Look) -> tuple[Write, ...]:
    return (Write(OUTPUT, 0, bytes([1, _ALL_LEDS, *look.rgb, 0, 0, 0])),)


# ---------------------------------------------------------------- Delcom 904x

#: Pins of port 1, active low; the blue one is yellow in some models.
_PIN_GREEN, _PIN_RED, _PIN_BLUE = 0, 1, 2


def _delcom(minor: int, low: int, high: int) -> Write:
    return Write(FEATURE, 101, bytes([101, minor, low, high, 0, 0, 0, 0]))


def _show_delcom(look: Look) -> tuple[Write, ...]:
    """Duty of the lit pins first, then lit and dark pins at once (resetting a pin lights it)."""
    red, green, blue = channels(look)
    lit = [p for p, on in ((_PIN_GREEN, green), (_PIN_RED, red), (_PIN_BLUE, blue)) if on]
    mask = sum(1 << pin for pin in lit)
    duties = tuple(_delcom(34, pin, round(100 * look.level)) for pin in lit)
    return (*duties, _delcom(12, mask, 0xFF & ~mask))


# ---------------------------------------------------------------- Kuando Busylight

#: It goes dark by itself after so long; it takes at most 15 s.
KUANDO_PATIENCE_S = 8


def kuando(step: bytes) -> Write:
    """A program of one step, the footer and the sum of all bytes before it."""
    body = step.ljust(56, b"\0") + bytes([0, 0, 0, 0, 0x0F, 0xFF])
    return Write(OUTPUT, 0, body + sum(body).to_bytes(2, "big"))


def _show_kuando(look: Look) -> tuple[Write, ...]:
    red, green, blue = (round(part * 100 / 255) for part in look.rgb)
    return (kuando(bytes([0x10, 0, red, green, blue])),)


# ---------------------------------------------------------------- BlinkStick


def _show_blinkstick(look: Look) -> tuple[Write, ...]:
    return (Write(FEATURE, 1, bytes([1, *look.rgb])),)


def _show_blinkstick_leds(look: Look) -> tuple[Write, ...]:
    """The first eight of its LEDs on channel 0: green, red, blue each."""
    red, green, blue = look.rgb
    return (Write(FEATURE, 6, bytes([6, 0, *[green, red, blue] * 8])),)


# ---------------------------------------------------------------- MuteMe

_MUTEME_DIM = 0x10


def _show_muteme(look: Look) -> tuple[Write, ...]:
    """Colours are on or off. Bit 3 stays clear: with bit 0 it would start the boot loader."""
    red, green, blue = channels(look)
    bits = red | green << 1 | blue << 2
    dim = _MUTEME_DIM if bits and look.level < 0.5 else 0
    return (Write(OUTPUT, 0, bytes([bits | dim]).ljust(8, b"\0")),)


# ---------------------------------------------------------------- Embrava, Plantronics

_BLYNC_OFF = 0x01


def _show_blynclight(look: Look) -> tuple[Write, ...]:
    red, green, blue = look.rgb
    control = 0 if any(look.rgb) else _BLYNC_OFF
    return (Write(OUTPUT, 0, bytes([red, blue, green, control, 0, 0, 0xFF, 0x22])),)


# ---------------------------------------------------------------- all of them


def channels(look: Look) -> tuple[bool, bool, bool]:
    """For lights whose colours are on or off: red, green, blue."""
    red, green, blue = look.color if look.level > 0 else DARK
    most = max(red, green, blue)
    return _counts(red, most), _counts(green, most), _counts(blue, most)


def _counts(part: int, most: int) -> bool:
    """Amber is red and green, blue with a little green is blue."""
    return part > 0 and part * 8 >= most * 3


_OFF = Look(DARK, 0.0)

PROTOCOLS: dict[str, Protocol] = {
    "blink1": Protocol(
        _show_blink1,
        greet=(*_lines_of_blink1(), _TICKLE),
        feed=(_TICKLE,),
        feed_ns=SECOND,
        leave=(_blink1("D", 0),),
    ),
    "luxafor": Protocol(_show_luxafor),
    # Its own flashing is switched off: what it did before we came may go on.
    "delcom": Protocol(_show_delcom, greet=(_delcom(20, 0x0F, 0),)),
    "kuando": Protocol(
        _show_kuando,
        feed=(kuando(bytes([0x80 | KUANDO_PATIENCE_S])),),
        feed_ns=3 * SECOND,
    ),
    "blinkstick": Protocol(_show_blinkstick),
    "blinkstick-leds": Protocol(_show_blinkstick_leds),
    "muteme": Protocol(_show_muteme),
    "blynclight": Protocol(_show_blynclight),
}


def farewell(protocol: Protocol) -> tuple[Write, ...]:
    """Dark, and nobody needs to feed it."""
    return (*protocol.leave, *protocol.show(_OFF))
