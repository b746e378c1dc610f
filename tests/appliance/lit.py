"""A small USB light: libusb, the kernel's HID driver and udev are real, the light is emulated."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from device_profiles.lights.patterns import BLUE, DARK, DIM, RED, Look, Rgb
from tests.appliance.machine import GuestFailed, Machine
from tests.appliance.plugs import UsbLight, plugged
from tests.appliance.report import Row
from tests.appliance.room import Room, begin, check_storage, end, until_delivered, until_durable

UNIT = "edge-agent-light"
READY = Look(BLUE, DIM).rgb
LENGTH_S = 8.0
PATIENCE_S = 240.0
#: From when nobody attends to it: the light's own patience is 4 s.
ALONE_S = 6.0


def light_tells(room: Room) -> Row:
    """Red while it records, and not one second longer: it says so itself when nobody attends to it.

    The service hangs, is killed, and the light is pulled out: each time it is red again after it.
    """
    row = Row("USB light (blink(1))")
    with room.awake("light") as machine:
        light = UsbLight(room.folder / "light")
        with plugged(light):
            light.attach(machine)
            driver = "ls /sys/bus/usb/drivers/usbhid/*-1:1.0"
            machine.until("the kernel drives it as a HID", driver)
            machine.sh(f"systemctl start {UNIT}")
            _until(light, "ready", lambda seen: _shown(seen) == READY)
            began = time.monotonic()
            lecture = begin(machine, "Lit")
            _until_red(light, began, "red after the press", row)
            until_durable(machine, LENGTH_S)
            _stays_red(light, row)
            _hangs(machine, light, row)
            _is_killed(machine, light, row)
            _is_pulled(machine, light, row)
            end(machine)
            began = time.monotonic()
            _until(light, "no longer red", lambda seen: _shown(seen) != RED)
            row.notes.append(f"not red {time.monotonic() - began:.1f} s after the stop's answer")
            _until(light, "ready again", lambda seen: _shown(seen) == READY)
            until_delivered(machine, lecture, row)
            machine.sh(f"systemctl stop {UNIT}")
            row.expect(_shown(light.seen()) == DARK, "the service has ended, and it is not dark")
            check_storage(machine, row)
            row.runs += 1
    return row


def _hangs(machine: Machine, light: UsbLight, row: Row) -> None:
    machine.sh(f"systemctl kill --signal=STOP {UNIT}")
    stopped = time.monotonic()
    _until(light, "it says that nobody attends to it", lambda seen: _shown(seen) in (BLUE, DARK))
    row.notes.append(f"alone: not red {time.monotonic() - stopped:.1f} s after its service hung")
    time.sleep(ALONE_S)
    shown = {_rgb(each) for each in light.seen() if each["at"] > stopped and "shows" in each}
    row.expect(shown == {BLUE, DARK}, f"alone it shows {shown}")
    machine.sh(f"systemctl kill --signal=CONT {UNIT}")
    _until_red(light, time.monotonic(), "red after the service went on", row)


def _is_killed(machine: Machine, light: UsbLight, row: Row) -> None:
    killed = time.monotonic()
    machine.sh(f"systemctl kill --signal=KILL {UNIT}")
    _until(light, "its service is dead", lambda seen: _shown(seen) != RED)
    row.notes.append(f"not red {time.monotonic() - killed:.1f} s after its service was killed")
    _until_red(light, killed, "red after the kill", row)


def _is_pulled(machine: Machine, light: UsbLight, row: Row) -> None:
    light.unplug()
    time.sleep(LENGTH_S)
    light.attach(machine)
    _until_red(light, time.monotonic(), "red after re-plugging", row)


def _stays_red(light: UsbLight, row: Row) -> None:
    """Fed each second, and red all the while."""
    seen = light.seen()
    red_s = max(each["at"] for each in seen if _rgb(each) == RED)
    later = [each for each in seen if each["at"] > red_s]
    fed = sum(each.get("hears") == "D" for each in later)
    row.expect(fed, "nobody feeds its watchdog")
    row.expect(all("hears" in each for each in later), f"not red all the time: {later}")
    row.notes.append(f"fed {fed} times in {later[-1]['at'] - red_s if later else 0:.0f} s")


def _until_red(light: UsbLight, since: float, what: str, row: Row) -> None:
    """Red by a word that came after `since`."""
    seen = _until(light, what, lambda seen: _shown(seen) == RED and _last_at(seen) > since)
    row.recovery_s.append(_last_at(seen) - since)
    row.notes.append(f"{what}: {_last_at(seen) - since:.1f} s")


def _until(
    light: UsbLight, what: str, condition: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE_S
    while not condition(seen := light.seen()):
        if time.monotonic() > deadline:
            raise GuestFailed(f"not within {PATIENCE_S:.0f} s: {what}: {seen[-20:]}")
        time.sleep(0.05)
    return seen


def _shown(seen: list[dict[str, Any]]) -> Rgb | None:
    return next((_rgb(each) for each in reversed(seen) if "shows" in each), None)


def _last_at(seen: list[dict[str, Any]]) -> float:
    """When it began to show what it shows."""
    return float(next(each["at"] for each in reversed(seen) if "shows" in each))


def _rgb(each: dict[str, Any]) -> Rgb | None:
    shows = each.get("shows")
    return (shows[0], shows[1], shows[2]) if shows else None
