"""The host's end of USB cables: devices that are plugged into a guest, pulled out, or fail."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.appliance.cache import PROJECT
from tests.appliance.machine import Machine, kill

SERIAL = "CAM0001"
CAMERA = f"/dev/v4l/by-id/usb-Logi_C270_emulated_{SERIAL}-video-index0"
SIZE, FPS = (320, 180), 10
ATTACH_S = 60.0
#: Blue, green, red of the background; a bar of another colour wanders over it.
GREY = (90, 90, 90)
_BAR = (200, 180, 60)
_PORTS = "/sys/devices/platform/vhci_hcd.0/status"


class Plug:
    """A device behind USB/IP. Ending its server pulls the cable: it gets kill -9."""

    def __init__(self, module: str, words: Sequence[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as door:
            self._port = door.getsockname()[1]
        self._command = [sys.executable, "-m", module, str(self._port), *words]
        self._server: subprocess.Popen[bytes] | None = None

    def attach(self, machine: Machine) -> None:
        """Into the first free socket of the guest."""
        self._server = subprocess.Popen(self._command, cwd=PROJECT)
        attach = f"usbip --tcp-port {self._port} attach -r 10.0.2.2 -b 1-1"
        machine.until("it is attached", attach, ATTACH_S)

    def unplug(self) -> None:
        if self._server is not None:
            kill(self._server)
            self._server = None

    def signal(self, number: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(number)


class UsbWebcam(Plug):
    """See `usb_webcam`. Its pictures have one background, so that two can be told apart."""

    def __init__(
        self,
        folder: Path,
        name: str = "webcam",
        serial: str = SERIAL,
        background: tuple[int, int, int] = GREY,
    ) -> None:
        frames, self._controls = folder / f"{name}.mjpg", folder / f"{name}.json"
        frames.write_bytes(b"".join(_jpeg(number, background) for number in range(20)))
        words = [str(frames), *map(str, SIZE), str(FPS), serial, str(self._controls)]
        super().__init__("tests.appliance.usb_webcam", words)

    def plug_in(self, machine: Machine) -> None:
        """Until both of its drivers are there. Its serial number is the usual one."""
        self.attach(machine)
        sound = "grep -q . /proc/asound/emulated/id"
        machine.until("its drivers are there", f"test -e {CAMERA} && {sound}", ATTACH_S)

    def hang(self) -> None:
        """It answers nothing any more, and says no error: no picture, no end of any request."""
        self.signal(signal.SIGSTOP)

    def recover(self) -> None:
        self.signal(signal.SIGCONT)

    def silence(self) -> None:
        """Its microphone delivers nothing any more, not even silence; its camera goes on."""
        self.signal(signal.SIGUSR1)

    def speak(self) -> None:
        self.signal(signal.SIGUSR2)

    def forget(self) -> None:
        """Its controls are as they were at first, and nobody was told."""
        self.signal(signal.SIGHUP)

    def controls(self) -> dict[str, int]:
        """What it is set to, and how often it was told so ("sets")."""
        return dict(json.loads(self._controls.read_text()))


class UsbLight(Plug):
    """See `usb_light`."""

    def __init__(self, folder: Path) -> None:
        self._seen = folder / "light.jsonl"
        super().__init__("tests.appliance.usb_light", [str(self._seen)])

    def seen(self) -> list[dict[str, Any]]:
        """All that it has shown and heard, in order."""
        if not self._seen.exists():
            return []
        whole = self._seen.read_text().rpartition("\n")[0]
        return [dict(json.loads(line)) for line in whole.splitlines()]


@contextmanager
def plugged(*plugs: Plug) -> Iterator[None]:
    """Whatever happens, no server stays."""
    try:
        yield
    finally:
        for each in plugs:
            each.unplug()


def until_free(machine: Machine, socket_number: int) -> None:
    """Until the guest's kernel has let go of what was in this socket (the first one is 1)."""
    free = f'$1 == "hs" && $2 + 1 == {socket_number} && $3 == "004"'
    machine.until("the socket is free", f"awk '{free}' {_PORTS} | grep -q .", ATTACH_S)


def until_camera(machine: Machine, socket_number: int) -> None:
    """Until the camera in this socket has its node, and udev is done with it."""
    node = f"ls -d /sys/bus/usb/devices/*-{socket_number}/*:1.0/video4linux/video*"
    machine.until("the camera has its node", f"{node} && udevadm settle --timeout=10", ATTACH_S)


def _jpeg(number: int, background: tuple[int, int, int]) -> bytes:
    picture = np.full((SIZE[1], SIZE[0], 3), background, np.uint8)
    picture[:, number * 16 : number * 16 + 16] = _BAR
    return bytes(cv2.imencode(".jpg", picture)[1])
