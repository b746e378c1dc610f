"""What the kernel tells of a USB device: product, serial number, socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Serial numbers that whole batches have.
WORTHLESS = re.compile(r"0*1?$|.*123456|sn0*1$|default", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UsbFacts:
    vendor: str
    product: str
    serial: str
    port: str


def usb_facts(entry: Path) -> UsbFacts | None:
    """The USB device above an entry of /sys/class; None when it is not a USB device."""
    for place in entry.resolve().parents:
        if (place / "idVendor").exists():
            serial = line(place / "serial")
            return UsbFacts(
                vendor=line(place / "idVendor"),
                product=line(place / "idProduct"),
                serial="" if WORTHLESS.match(serial) else serial,
                port=place.name,
            )
    return None


def line(path: Path) -> str:
    """The first words of a file of the kernel; empty when it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
