"""Whether this computer runs on its battery, as the kernel tells in /sys/class/power_supply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

SUPPLIES = Path("/sys/class/power_supply")
_FILES = ("type", "online", "status", "scope")


def on_battery(supplies: Path = SUPPLIES) -> bool:
    """A computer whose supplies cannot be read has none that could run out."""
    try:
        found = [_read(supply) for supply in sorted(supplies.iterdir())]
    except OSError:
        return False
    return discharging(found)


def discharging(supplies: Iterable[Mapping[str, str]]) -> bool:
    """A battery or UPS of the computer (not of a mouse) discharges, and no other supply feeds it.

    Source: Documentation/ABI/testing/sysfs-class-power of the kernel.
    """
    own = [supply for supply in supplies if supply.get("scope") != "Device"]
    stored = [supply for supply in own if supply.get("type") in ("Battery", "UPS")]
    fed = any(supply.get("online") in ("1", "2") for supply in own if supply not in stored)
    return not fed and any(supply.get("status") == "Discharging" for supply in stored)


def _read(supply: Path) -> dict[str, str]:
    """A driver may answer a read with any error; then that file says nothing."""
    found = {}
    for name in _FILES:
        try:
            found[name] = (supply / name).read_text().strip()
        except (OSError, UnicodeDecodeError):
            continue
    return found
