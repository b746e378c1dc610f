"""A guest under QEMU's software emulation: boot or wake it, speak to it, cut its power.

The emulation is slow (Python runs some 25 times slower than outside), so nothing here measures
performance, and every deadline is a hang guard.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.appliance.image import Image

#: A boot takes 30 s on an idle computer with two cores, and four times that on a busy one.
BOOT_S = 400.0
COMMAND_S = 240.0
#: For what needs several of the product's processes. On a busy computer an unplugged webcam's
#: lecture was not delivered within 240 s.
PATIENCE_S = 600.0
#: The name of the snapshot of a booted machine.
BOOTED = "booted"
#: Units that a classroom does without; they cost seconds of emulated boot.
MASKED = (
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "systemd-networkd-wait-online.service",
    "systemd-timesyncd.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
)


@dataclass(frozen=True, slots=True)
class Done:
    """What a command in the guest came to."""

    status: int
    out: str

    def json(self) -> Any:
        """The `data` of one document of `edge-agent --json`."""
        start = self.out.index("{")
        return json.JSONDecoder().raw_decode(self.out[start:])[0].get("data")


class GuestFailed(Exception):
    """A command in the guest failed, or the guest itself did."""


class Machine:
    """One guest. `disk` are the QEMU arguments of its root disk."""

    def __init__(
        self,
        image: Image,
        folder: Path,
        disk: Sequence[str],
        *,
        wake: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._arguments = _arguments(image, folder, disk)
        if wake:
            self._arguments += ["-loadvm", BOOTED]
        self._wake = wake
        self._ids = itertools.count(1)
        self._answers: dict[Any, dict[str, Any]] = {}
        self._news = threading.Condition()

    def start(self) -> None:
        """Until the guest answers."""
        for name in ("qmp", "agent"):
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / "qemu.log").open("ab") as log:
            self._qemu = subprocess.Popen(
                self._arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._qmp = self._connect("qmp").makefile("rw")
        self._qmp.readline()
        self.qmp("qmp_capabilities")
        self._agent = self._connect("agent")
        threading.Thread(target=self._listen, daemon=True).start()
        if self._wake:
            self.sh(f"date -u -s @{time.time():.3f}; networkctl reconfigure eth0 || true")
        else:
            self._answer("hello", BOOT_S)

    # ------------------------------------------------------------ speaking

    def sh(self, command: str, limit_s: float = COMMAND_S, check: bool = True) -> Done:
        """Run a shell command as root in the guest."""
        number = next(self._ids)
        job = {"id": number, "cmd": command, "timeout": limit_s}
        self._agent.sendall((json.dumps(job) + "\n").encode())
        answer = self._answer(number, limit_s + 60)
        done = Done(answer["rc"], answer["out"].strip())
        if check and done.status:
            raise GuestFailed(f"{command!r} gave {done.status}:\n{done.out}")
        return done

    def edge_agent(self, *words: str, check: bool = True) -> Done:
        """The product's command line, as IT staff use it."""
        return self.sh(shlex.join(["edge-agent", *words]), check=check)

    def until(self, what: str, command: str, limit_s: float = PATIENCE_S) -> str:
        """Wait until a shell command in the guest succeeds; its output."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            done = self.sh(command, check=False)
            if done.status == 0:
                return done.out
            time.sleep(0.3)
        raise GuestFailed(f"not within {limit_s:.0f} s: {what}\n{done.out}\n{self.journal()}")

    def status(self) -> dict[str, Any]:
        """status.json as it stands; empty while the agent is down."""
        done = self.sh("cat /run/edge-agent/status.json", check=False)
        return dict(json.loads(done.out)) if done.status == 0 else {}

    def until_status(
        self, what: str, condition: Callable[[dict[str, Any]], Any], limit_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            status = self.status()
            if status and condition(status):
                return status
            time.sleep(0.2)
        raise GuestFailed(f"not within {limit_s:.0f} s: {what}\n{status}\n{self.journal()}")

    def journal(self) -> str:
        lines = "journalctl -b -n 60 --no-pager -o short-monotonic -u 'edge-agent*'"
        return self.sh(lines, check=False).out

    def qmp(self, command: str, **arguments: Any) -> Any:
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._qmp.flush()
        while True:
            answer = json.loads(self._qmp.readline() or '{"error": "QEMU is gone"}')
            if "error" in answer:
                raise GuestFailed(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line: str) -> str:
        said = str(self.qmp("human-monitor-command", **{"command-line": line}))
        if "rror" in said:
            raise GuestFailed(f"{line}: {said}")
        return said

    # ------------------------------------------------------------ ending

    def cut(self) -> None:
        """The power fails: kill -9."""
        self._qemu.send_signal(signal.SIGKILL)
        self._qemu.wait()

    def close(self) -> None:
        if self._qemu.poll() is None:
            self.cut()

    # ------------------------------------------------------------ inside

    def _connect(self, name: str) -> socket.socket:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self._qemu.poll() is not None:
                raise GuestFailed((self.folder / "qemu.log").read_text()[-2000:])
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(str(self.folder / name))
            except OSError:
                line.close()
                time.sleep(0.05)
            else:
                return line
        raise GuestFailed(f"QEMU does not open {name}")

    def _listen(self) -> None:
        rest = b""
        while True:
            try:
                data = self._agent.recv(65536)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                try:
                    answer = json.loads(line)
                except ValueError:  # the end of a line from before the snapshot
                    continue
                with self._news:
                    self._answers[answer["id"]] = answer
                    self._news.notify_all()

    def _answer(self, number: Any, limit_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        with self._news:
            while number not in self._answers:
                if self._qemu.poll() is not None:
                    raise GuestFailed("QEMU has ended")
                if time.monotonic() > deadline:
                    raise GuestFailed(f"the guest does not answer within {limit_s:.0f} s")
                self._news.wait(0.5)
            return self._answers.pop(number)


@contextmanager
def running(machine: Machine) -> Iterator[Machine]:
    """Start it; clear it away whatever happened."""
    try:
        machine.start()
        yield machine
    finally:
        machine.close()


def layered_disk(path: Path) -> list[str]:
    """A qcow2 layer that need not survive anything."""
    drive = f"file={path},format=qcow2,if=none,id=root,cache=unsafe"
    return ["-drive", drive, "-device", "virtio-blk-pci,drive=root"]


def _arguments(image: Image, folder: Path, disk: Sequence[str]) -> list[str]:
    kernel_words = [
        "console=ttyS0 root=LABEL=root rw net.ifnames=0 mitigations=off nokaslr quiet",
        "systemd.show_status=0 panic=-1",
        *(f"systemd.mask={unit}" for unit in MASKED),
    ]
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", "q35"),
        *("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem", "-smp", "2", "-m", "1536"),
        *("-display", "none", "-rtc", "base=utc", "-no-reboot"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", " ".join(kernel_words), "-serial", f"file:{folder}/serial.log"),
        *("-qmp", f"unix:{folder}/qmp,server=on,wait=off"),
        *("-device", "virtio-serial-pci", "-device", "virtio-rng-pci"),
        *("-chardev", f"socket,id=agent,path={folder}/agent,server=on,wait=off"),
        *("-device", "virtserialport,chardev=agent,name=agent"),
        *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net"),
        # Where disks are plugged in while the machine runs.
        *("-device", "pcie-root-port,id=spool-port,chassis=1,slot=1"),
        *("-device", "pcie-root-port,id=platform-port,chassis=2,slot=2"),
        *disk,
    ]


def kill(process: subprocess.Popen[bytes]) -> None:
    """A helper process goes, whatever it is doing."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
