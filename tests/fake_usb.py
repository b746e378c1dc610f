"""USB without USB: devices that pyusb talks to, and that write down what they are told."""

from __future__ import annotations

import errno
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace as Fields
from typing import Any

import usb.backend
import usb.core

EXTRA = {"bLength": 0, "bDescriptorType": 0, "extra_descriptors": []}


@dataclass(eq=False)
class FakeDevice:
    """`log` is what happened to it, in order; `reports` is what its keys will say."""

    usb: str
    address: int = 1
    product: str = ""
    serial: str = ""
    #: Subclass and protocol of each of its interfaces: (1, 1) is a boot keyboard.
    interfaces: tuple[tuple[int, int], ...] = ((0, 0),)
    endpoints: tuple[int, ...] = (0x81,)
    log: list[tuple[Any, ...]] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    #: The answer to GET_REPORT.
    feature: bytes = b""
    #: Every use of it fails so.
    error: int = 0
    driver: bool = True

    def written(self) -> list[str]:
        """The reports that it was sent, without the ways that they took."""
        return [entry[-1] for entry in self.log if entry[0] in ("control", "interrupt")]


class FakeUsb(usb.backend.IBackend):
    """A backend of pyusb with the devices that are plugged in now."""

    def __init__(self, *devices: FakeDevice) -> None:
        self.devices = list(devices)

    def enumerate_devices(self) -> Iterator[FakeDevice]:
        return iter(self.devices)

    def get_parent(self, dev: FakeDevice) -> None:
        return None

    def get_device_descriptor(self, dev: FakeDevice) -> Fields:
        zero = dict.fromkeys(
            [
                "bcdUSB",
                "bDeviceClass",
                "bDeviceSubClass",
                "bDeviceProtocol",
                "bMaxPacketSize0",
                "bcdDevice",
                "iManufacturer",
                "port_number",
                "port_numbers",
                "speed",
            ],
            0,
        )
        vendor, product = (int(part, 16) for part in dev.usb.split(":"))
        own = {"idVendor": vendor, "idProduct": product, "bus": 1, "address": dev.address}
        strings = {"iProduct": int(bool(dev.product)), "iSerialNumber": 2 * bool(dev.serial)}
        return Fields(**EXTRA, **zero, **own, **strings, bNumConfigurations=1)

    def get_configuration_descriptor(self, dev: FakeDevice, config: int) -> Fields:
        rest = {"wTotalLength": 0, "iConfiguration": 0, "bmAttributes": 0, "bMaxPower": 0}
        count = len(dev.interfaces)
        return Fields(**EXTRA, **rest, bNumInterfaces=count, bConfigurationValue=1)

    def get_interface_descriptor(self, dev: FakeDevice, intf: int, alt: int, config: int) -> Fields:
        if intf >= len(dev.interfaces) or alt:
            raise IndexError
        subclass, protocol = dev.interfaces[intf]
        return Fields(
            **EXTRA,
            bInterfaceNumber=intf,
            bAlternateSetting=0,
            bNumEndpoints=len(dev.endpoints),
            bInterfaceClass=3,
            bInterfaceSubClass=subclass,
            bInterfaceProtocol=protocol,
            iInterface=0,
        )

    def get_endpoint_descriptor(
        self, dev: FakeDevice, ep: int, intf: int, alt: int, config: int
    ) -> Fields:
        rest = {"bmAttributes": 3, "bInterval": 10, "bRefresh": 0, "bSynchAddress": 0}
        return Fields(**EXTRA, **rest, bEndpointAddress=dev.endpoints[ep], wMaxPacketSize=64)

    def open_device(self, dev: FakeDevice) -> FakeDevice:
        return self._use(dev)

    def close_device(self, dev_handle: FakeDevice) -> None:
        dev_handle.log.append(("close",))

    def get_configuration(self, dev_handle: FakeDevice) -> int:
        self._use(dev_handle)
        return 1

    def is_kernel_driver_active(self, dev_handle: FakeDevice, intf: int) -> bool:
        return self._use(dev_handle).driver

    def detach_kernel_driver(self, dev_handle: FakeDevice, intf: int) -> None:
        self._use(dev_handle).driver = False
        dev_handle.log.append(("detach", intf))

    def attach_kernel_driver(self, dev_handle: FakeDevice, intf: int) -> None:
        self._use(dev_handle).driver = True
        dev_handle.log.append(("attach", intf))

    def claim_interface(self, dev_handle: FakeDevice, intf: int) -> None:
        self._use(dev_handle).log.append(("claim", intf))

    def release_interface(self, dev_handle: FakeDevice, intf: int) -> None:
        self._use(dev_handle).log.append(("release", intf))

    def ctrl_transfer(
        self, dev: FakeDevice, kind: int, request: int, value: int, index: int, data: Any, _: int
    ) -> int:
        """A name, a GET_REPORT, or something that is written down."""
        self._use(dev)
        if (kind, request) == (0x80, 6):
            text = {0: b"\x09\x04", 1: _wide(dev.product), 2: _wide(dev.serial)}[value & 0xFF]
            return _fill(data, bytes([len(text) + 2, 3]) + text)
        if kind & 0x80:
            dev.log.append(("ask", hex(value)))
            return _fill(data, dev.feature)
        dev.log.append(("control", request, hex(value), index, bytes(data).hex()))
        return len(data)

    def intr_write(self, dev: FakeDevice, ep: int, intf: int, data: Any, _: int) -> int:
        self._use(dev).log.append(("interrupt", ep, bytes(data).hex()))
        return len(data)

    def intr_read(self, dev: FakeDevice, ep: int, intf: int, buff: Any, _: int) -> int:
        if not self._use(dev).reports:
            raise usb.core.USBTimeoutError("timed out", -7, errno.ETIMEDOUT)
        return _fill(buff, dev.reports.pop(0))

    def _use(self, dev: FakeDevice) -> FakeDevice:
        fault = dev.error or (0 if dev in self.devices else errno.ENODEV)
        if fault:
            raise usb.core.USBError("refused", -1, fault)
        return dev


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _fill(buffer: array[int], data: bytes) -> int:
    data = data[: len(buffer)]
    buffer[: len(data)] = array("B", data)
    return len(data)
