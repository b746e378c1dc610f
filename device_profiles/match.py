"""Which profile fits a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from device_profiles.profile import Kind, Profile


class Fit(IntEnum):
    """By what a profile fits; the more particular, the higher."""

    NOT = 0
    KIND = 1
    OFFERS = 2
    NAME = 3
    VENDOR = 4
    PRODUCT = 5
    SERIAL = 6


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says of itself. `usb` is "vendor:product" in hexadecimal, or empty; `modes` are
    "mjpeg 1920x1080" and the like."""

    kind: Kind
    name: str = ""
    usb: str = ""
    serial: str = ""
    modes: frozenset[str] = frozenset()


def facts_of(
    kind: Kind, name: str, identity: str, usb: str = "", modes: Iterable[str] = ()
) -> DeviceFacts:
    """Facts in discovery's words: usb:<vendor>:<product>:<serial>, perhaps with @<socket>.

    Many grabbers have no serial number and are known by their socket: `usb` tells their product.
    """
    kind_of_identity, *parts = identity.split("@")[0].split(":")
    serial = ""
    if kind_of_identity == "usb" and len(parts) >= 3:
        usb, serial = usb or ":".join(parts[:2]), ":".join(parts[2:])
    return DeviceFacts(kind, name, usb.lower(), serial, frozenset(modes))


def match_profile(facts: DeviceFacts, profiles: Iterable[Profile]) -> Profile | None:
    """The most particular profile that fits: serial, product, vendor, name, modes, kind alone.

    A room's own profile that fits by more than the kind goes before all of ours. Equal ones: the
    room's, then the longer part of the name, then the first by name. None only when there is no
    profile for this kind at all.
    """
    fitting = [(fit, profile) for profile in profiles if (fit := fit_of(facts, profile))]
    if not fitting:
        return None
    return min(fitting, key=lambda entry: _order(facts, *entry))[1]


def _order(facts: DeviceFacts, fit: Fit, profile: Profile) -> tuple[bool, int, bool, int, str]:
    named = max(map(len, _parts_in(facts.name, profile)), default=0)
    before_ours = profile.own and fit > Fit.KIND
    return not before_ours, -fit, not profile.own, -named, profile.name


def fit_of(facts: DeviceFacts, profile: Profile) -> Fit:
    """A profile that says for whom it is fits no others."""
    if profile.kind != facts.kind:
        return Fit.NOT
    if facts.serial and facts.serial in profile.serials:
        return Fit.SERIAL
    if facts.usb and facts.usb in profile.usb:
        return Fit.PRODUCT
    if facts.usb and f"{facts.usb.split(':')[0]}:*" in profile.usb:
        return Fit.VENDOR
    if _parts_in(facts.name, profile):
        return Fit.NAME
    if profile.offers and all(_offered(offer, facts.modes) for offer in profile.offers):
        return Fit.OFFERS
    said = profile.serials or profile.usb or profile.names or profile.offers
    return Fit.NOT if said else Fit.KIND


def _parts_in(name: str, profile: Profile) -> list[str]:
    return [part for part in profile.names if part.lower() in name.lower()]


def _offered(offer: str, modes: frozenset[str]) -> bool:
    """`offer` is a format, or a format and a size."""
    return offer in modes or any(mode.split(" ")[0] == offer for mode in modes)
