"""Lights and buttons on USB: found, taken from the kernel, written to, read, given back.

A thin layer over pyusb, used by one thread. The kernel's driver is detached: a pedal's key must not
reach the slides, and a light that the kernel drives too would be busy. What was detached is given
back at the end. The backend comes in through the constructor, so that tests need no hardware.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import usb.core
import usb.util

from device_profiles.lights.known import Known, candidates, choose
from device_profiles.lights.protocols import FEATURE, OUTPUT, Write
from device_profiles.lights.reports import ASKED, BOOT

#: A light answers within a few milliseconds; one that hangs must not hold up the others for long.
WRITE_MS = 200
#: HID 1.11 sections 7.2 and 7.2.5, class requests to an interface.
_TO_INTERFACE, _FROM_INTERFACE = 0x21, 0xA1
_GET_REPORT, _SET_REPORT, _SET_PROTOCOL = 0x01, 0x09, 0x0B
_BOOT_PROTOCOL, _HID_CLASS, _BOOT_SUBCLASS, _KEYBOARD = 0, 3, 1, 1
_RULES = "install the udev rules (docs/it.md, Lights and buttons), then plug it in again"


class UsbTrouble(Exception):
    """Something that people can mend: what, and the next step."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class NoUsb(UsbTrouble):
    """There is no way to USB at all."""


class NotAllowed(UsbTrouble):
    """The device is there, and this user may not open it."""


class InUse(UsbTrouble):
    """Another program holds the device."""


class Gone(Exception):
    """Unplugged, or it answers no more."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """A known device that is plugged in. `handle` is pyusb's."""

    known: Known
    usb: str
    #: Bus and address: another one after each plugging in.
    place: str
    handle: Any


class UsbLights:
    """What is plugged in. `backend` None: libusb."""

    def __init__(self, known: Iterable[Known], backend: Any = None) -> None:
        self._known = tuple(known)
        self._backend = backend
        #: Who is where: names are asked for once.
        self._seen: dict[tuple[str, str], Known | None] = {}

    def find(self) -> tuple[list[Plugged], list[UsbTrouble]]:
        """All that are known, by place; and those that cannot be asked who they are.

        Raises NoUsb.
        """
        found: list[Plugged] = []
        troubles: list[UsbTrouble] = []
        seen: dict[tuple[str, str], Known | None] = {}
        for handle in self._devices():
            ids = f"{handle.idVendor:04x}:{handle.idProduct:04x}"
            place = f"{handle.bus}-{handle.address}"
            try:
                known = self._who(handle, ids, place)
            except UsbTrouble as trouble:
                troubles.append(trouble)
                continue
            except Gone:
                continue
            seen[ids, place] = known
            if known is not None:
                found.append(Plugged(known, ids, place, handle))
        self._seen = seen
        return sorted(found, key=lambda it: it.place), troubles

    def _who(self, handle: Any, ids: str, place: str) -> Known | None:
        if (ids, place) in self._seen:
            return self._seen[ids, place]
        among = candidates(ids, self._known)
        return _named(handle, among) if among else None

    def _devices(self) -> list[Any]:
        try:
            return list(usb.core.find(find_all=True, backend=self._backend))
        except usb.core.NoBackendError:
            raise NoUsb(
                "the library libusb is missing, without which lights and buttons are not reached",
                "sudo apt install libusb-1.0-0",
            ) from None
        except usb.core.USBError as error:
            raise NoUsb(
                f"USB cannot be looked at: {error}", "sudo systemctl status edge-agent-light"
            ) from None


def _named(handle: Any, among: tuple[Known, ...]) -> Known | None:
    """Its names are asked for only where the numbers do not tell all. Raises UsbTrouble, Gone."""
    if not any(each.needs_strings for each in among):
        return among[0]
    name = among[-1].name
    with _in_words(name):
        try:
            return choose(among, handle.product or "", handle.serial_number or "")
        except ValueError as error:  # pyusb: strings cannot be read without permission
            if among[-1].needs_strings:
                raise Gone("a stranger with numbers that are lent to anybody") from error
            raise _not_allowed(name) from error


class Hid:
    """One device, from `open` to `close`. All methods but `close` raise Gone."""

    def __init__(self, plugged: Plugged) -> None:
        self.plugged = plugged
        self._device = plugged.handle
        self._interface = 0
        self._out: Any = None
        self._in: Any = None
        self._detached = False

    def open(self) -> None:
        """Raises UsbTrouble as well."""
        with _in_words(self.plugged.known.name):
            interface = self._choose()
            self._interface = interface.bInterfaceNumber
            if self._device.is_kernel_driver_active(self._interface):
                self._device.detach_kernel_driver(self._interface)
                self._detached = True
            usb.util.claim_interface(self._device, self._interface)
            for endpoint in interface:
                incoming = usb.util.endpoint_direction(endpoint.bEndpointAddress)
                if incoming == usb.util.ENDPOINT_IN:
                    self._in = self._in or endpoint
                else:
                    self._out = self._out or endpoint
            if self.plugged.known.button in BOOT and _is_boot_keyboard(interface):
                self._class(_TO_INTERFACE, _SET_PROTOCOL, _BOOT_PROTOCOL, None)

    def _choose(self) -> Any:
        """The keyboard of several interfaces; else the first that is a HID at all."""
        interfaces = list(self._device.get_active_configuration())
        hids = [it for it in interfaces if it.bInterfaceClass == _HID_CLASS] or interfaces
        boot = [it for it in hids if _is_boot_keyboard(it)]
        wants_boot = self.plugged.known.button in BOOT
        return boot[0] if wants_boot and boot else hids[0]

    def write(self, writes: Iterable[Write]) -> None:
        """Output reports go to the endpoint for them, if there is one; all others by control."""
        with _in_words(self.plugged.known.name):
            for each in writes:
                if each.kind == OUTPUT and self._out is not None:
                    self._out.write(each.data, WRITE_MS)
                else:
                    value = each.kind << 8 | each.report
                    self._class(_TO_INTERFACE, _SET_REPORT, value, each.data)

    def read(self, patience_ms: int) -> bytes | None:
        """The next report of its keys; None when none came in time."""
        asked = ASKED.get(self.plugged.known.button)
        with _in_words(self.plugged.known.name):
            if asked is not None:
                report, length = asked
                return self._class(_FROM_INTERFACE, _GET_REPORT, FEATURE << 8 | report, length)
            if self._in is None:
                return None
            try:
                return bytes(self._in.read(self._in.wMaxPacketSize, patience_ms))
            except usb.core.USBTimeoutError:
                return None

    def close(self) -> None:
        """Given back to the kernel; a device that is gone needs nothing."""
        with contextlib.suppress(usb.core.USBError):
            usb.util.release_interface(self._device, self._interface)
        if self._detached:
            with contextlib.suppress(usb.core.USBError):
                self._device.attach_kernel_driver(self._interface)
        usb.util.dispose_resources(self._device)

    def _class(self, kind: int, request: int, value: int, data: bytes | int | None) -> bytes:
        answer = self._device.ctrl_transfer(kind, request, value, self._interface, data, WRITE_MS)
        return b"" if isinstance(answer, int) else bytes(answer)


def _is_boot_keyboard(interface: Any) -> bool:
    boot = (interface.bInterfaceSubClass, interface.bInterfaceProtocol)
    return bool(boot == (_BOOT_SUBCLASS, _KEYBOARD))


@contextlib.contextmanager
def _in_words(name: str) -> Iterator[None]:
    """pyusb's errors as ours."""
    try:
        yield
    except usb.core.USBError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _not_allowed(name) from error
        if error.errno == errno.EBUSY:
            raise InUse(
                f"{name}: another program uses it",
                "end that program, or the other edge-agent light; then plug it in again",
            ) from error
        raise Gone(f"{name}: {error}") from error


def _not_allowed(name: str) -> NotAllowed:
    return NotAllowed(f"{name}: this user may not open it", _RULES)
