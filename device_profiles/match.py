"""Which profile fits a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from device_profiles.profile import Kind, Profile


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device says of itself. `usb` is "vendor:product" in hexadecimal, or empty."""

    kind: Kind
    name: str = ""
    usb: str = ""


def facts_of(kind: Kind, name: str, identity: str) -> DeviceFacts:
    """Facts in discovery's words: usb:<vendor>:<product>:<serial> as an identity gives the ids."""
    parts = identity.split(":")
    usb = ":".join(parts[1:3]) if parts[0] == "usb" and len(parts) >= 4 else ""
    return DeviceFacts(kind, name, usb.lower())


def match_profile(facts: DeviceFacts, profiles: Iterable[Profile]) -> Profile | None:
    """The most particular profile that fits: product, then vendor, then name, then the kind alone.

    None only when there is no profile for this kind at all. Equal ones: the first by name.
    """
    fitting = [
        (-rank, profile.name, profile)
        for profile in profiles
        if (rank := _rank(facts, profile)) > 0
    ]
    return min(fitting, key=lambda entry: entry[:2])[2] if fitting else None


def _rank(facts: DeviceFacts, profile: Profile) -> int:
    """0 = does not fit; a profile that names devices fits no others."""
    if profile.kind != facts.kind:
        return 0
    if facts.usb and facts.usb in profile.usb:
        return 4
    if facts.usb and f"{facts.usb.split(':')[0]}:*" in profile.usb:
        return 3
    name = facts.name.lower()
    if any(part.lower() in name for part in profile.names):
        return 2
    return 0 if profile.usb or profile.names else 1
