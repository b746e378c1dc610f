"""Which lights and buttons are known: the table beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Known:
    """A kind of device. `light` and `button` name how it is spoken to; one of them may be empty."""

    usb: tuple[str, ...]
    name: str
    light: str = ""
    button: str = ""
    product: str = ""
    serial: str = ""

    @property
    def needs_strings(self) -> bool:
        """Its numbers do not tell all: the device must be asked for its names."""
        return bool(self.product or self.serial)


def load_known() -> tuple[Known, ...]:
    """The table of this package."""
    file = resources.files("device_profiles.lights") / "known.toml"
    table = tomllib.loads(file.read_text("utf-8"))
    return tuple(Known(**row | {"usb": tuple(row["usb"])}) for row in table["device"])


def candidates(usb: str, known: Iterable[Known]) -> tuple[Known, ...]:
    """By "vendor:product" in hexadecimal alone."""
    return tuple(each for each in known if usb in each.usb)


def choose(among: Iterable[Known], product: str, serial: str) -> Known | None:
    """The first that fits what the device calls itself."""
    return next(
        (
            each
            for each in among
            if each.product.lower() in product.lower() and each.serial in serial
        ),
        None,
    )
