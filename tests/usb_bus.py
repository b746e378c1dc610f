"""Webcams on a USB bus of their own: plugged, pulled, and back at another node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hardware_fixtures import HERE, FakeCameras, shim_camera, stop

#: It has the GObject bindings of umockdev; the Python of the tests has not.
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class UsbBus:
    """`env`: for the processes that shall see this bus, its sysfs and its cameras."""

    cameras: FakeCameras
    env: Mapping[str, str]
    process: subprocess.Popen[str]

    def plug(self, video: int, port: int, serial: str = "", picture: str = "C270") -> None:
        """A webcam in this socket, as /dev/video<video>. The sysfs comes before the node."""
        self._tell(f"plug {video} {port} {serial}")
        self.cameras.plug(video, card=picture, bus=f"usb-0000:00:14.0-{port}")

    def unplug(self, video: int, port: int) -> None:
        self.cameras.unplug(video)
        self._tell(f"unplug {video} {port}")

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", "the bus has ended"


@contextmanager
def usb_bus(folder: Path) -> Iterator[UsbBus]:
    """An empty bus. Needs umockdev and its bindings: tests/system-packages.txt."""
    command = ["umockdev-wrapper", SYSTEM_PYTHON, str(HERE / "hardware" / "usb_testbed.py")]
    with (
        shim_camera(folder) as cameras,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        cameras.unplug()
        try:
            assert process.stdout is not None
            root = process.stdout.readline().strip()
            preload = f"{cameras.env['LD_PRELOAD']}:libumockdev-preload.so.0"
            yield UsbBus(
                cameras,
                {**cameras.env, "LD_PRELOAD": preload, "UMOCKDEV_DIR": root},
                process,
            )
        finally:
            stop(process)
