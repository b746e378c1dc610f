"""USB sound cards by what they are, not by the order in which they were plugged in.

ALSA calls two microphones of one make `Webcam` and `Webcam_1`, and the other way round after they
were pulled out together. So a USB card is `alsa:usb:<vendor>:<product>:<serial>`, or
`alsa:port:<socket>` where it has no serial number; of two with one serial number each has its
socket added. As with cameras (`capture.discover`), and in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from capture.source import DeviceMissing
from capture.usb_facts import usb_facts

PREFIXES = ("alsa:usb:", "alsa:port:")
#: /proc/asound/cards has two lines for each; the second ends so.
_AT = re.compile(r"^ *(\d+) \[.*\n.* at (usb-[^,\s]+)", re.MULTILINE)
_DEVICE = re.compile(r"(.*?)(?:,DEV=(\d+))?")


@dataclass(frozen=True, slots=True)
class UsbCard:
    """`identity` is without the socket of a twin; `number` is ALSA's of now."""

    number: int
    identity: str
    socket: str

    @property
    def names(self) -> tuple[str, str]:
        return self.identity, f"{self.identity}@{self.socket}"


def usb_cards(
    proc: Path = Path("/proc/asound"), sound: Path = Path("/sys/class/sound")
) -> list[UsbCard]:
    """Those that are plugged in now."""
    try:
        told = (proc / "cards").read_text("utf-8", "replace")
    except OSError:
        return []
    return [_card(int(number), socket, sound) for number, socket in _AT.findall(told)]


def _card(number: int, socket: str, sound: Path) -> UsbCard:
    usb = usb_facts(sound / f"card{number}")
    if usb is not None and usb.serial:
        identity = f"alsa:usb:{usb.vendor}:{usb.product}:{usb.serial}"
        return UsbCard(number, identity, socket)
    return UsbCard(number, f"alsa:port:{socket}", socket)


def identity_of_card(number: int, device: int, cards: Iterable[UsbCard]) -> str:
    """Of one of its inputs; empty when it is no USB card."""
    known = list(cards)
    card = next((each for each in known if each.number == number), None)
    if card is None:
        return ""
    twins = sum(each.identity == card.identity for each in known)
    return (card.names[1] if twins > 1 else card.identity) + (f",DEV={device}" if device else "")


def hardware_of(identity: str, cards: Iterable[UsbCard]) -> str:
    """`hw:<number>,<device>` of the card that is meant. Raises DeviceMissing if none, or several.

    One with a socket is understood also while its twin is not plugged in.
    """
    told = _DEVICE.fullmatch(identity)
    name, device = (told[1], told[2] or "0") if told else (identity, "0")
    known = list(cards)
    found = [each for each in known if name in each.names]
    if len(found) == 1:
        return f"hw:{found[0].number},{device}"
    there = ", ".join(each.names[1] for each in known) or "none"
    if found:
        raise DeviceMissing(
            f"there is more than one microphone {identity}", f"name the one that is meant: {there}"
        )
    raise DeviceMissing(
        f"there is no microphone {identity}", f"plug it in; USB sound cards here: {there}"
    )
