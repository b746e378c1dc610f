"""A wide-area link on one machine, as root: two network namespaces and a process in between.

Two TUN devices, one in each namespace; every packet waits for the bottleneck (rate, tail-drop
queue) and then for half the round trip. Works on kernels without netem, up to some 10 Mbit/s.

    with Link(mbit=4, round_trip_s=0.1, queue_s=0.5) as link:
        subprocess.run([*link.near, "curl", …, f"http://{link.FAR}:8080/"])
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_CLONE_NEWNET = 0x40000000
MTU = 1400
#: What of a packet is payload: without the heads of IP and TCP with timestamps.
PAYLOAD = (MTU - 52) / MTU
_FIRST = ("chrt", "--rr", "1")
_numbers = count()


class Link:
    """See the module's text. `near` and `far` begin a command that runs at that end.

    Both run before all others, as the emulator does: what else the machine does is not measured.
    """

    NEAR, FAR = "10.99.0.1", "10.99.0.2"

    def __init__(
        self, *, mbit: float, round_trip_s: float, queue_s: float = 0.5, loss: float = 0.0
    ) -> None:
        name = f"link{os.getpid()}{next(_numbers)}"
        self._names = (f"{name}a", f"{name}b")
        self._options = {
            "names": self._names,
            "rate": mbit * 1e6 / 8,
            "delay": round_trip_s / 2,
            "queue": max(3 * MTU, int(mbit * 1e6 / 8 * queue_s)),
            "loss": loss,
        }
        self._folder = tempfile.TemporaryDirectory()
        self._control = Path(self._folder.name) / "control"
        self._process: subprocess.Popen[str] | None = None

    @property
    def near(self) -> list[str]:
        return [*_FIRST, "ip", "netns", "exec", self._names[0]]

    @property
    def far(self) -> list[str]:
        return [*_FIRST, "ip", "netns", "exec", self._names[1]]

    def __enter__(self) -> Self:
        for name in self._names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        options = json.dumps(self._options | {"control": str(self._control)})
        command = [sys.executable, "-m", "benchmarks.link", options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        for name, own, peer in zip(
            self._names, (self.NEAR, self.FAR), (self.FAR, self.NEAR), strict=True
        ):
            _ip("-n", name, "addr", "add", own, "peer", peer, "dev", "wide")
            _ip("-n", name, "link", "set", "wide", "mtu", str(MTU), "up")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
        for name in self._names:
            _ip("netns", "del", name)
        self._folder.cleanup()

    def set(self, **changes: float | bool) -> None:
        """Change `rate` (bytes per second), `loss` (0 to 1) or `up` from now on."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.connect(str(self._control))
            control.send(json.dumps(changes).encode())


class FastLink(Link):
    """Too fast for the emulator: the kernel's token bucket between two namespaces, no delay."""

    def __init__(self, *, mbit: float) -> None:
        super().__init__(mbit=mbit, round_trip_s=0.0)
        self._mbit = mbit

    def __enter__(self) -> Self:
        near, far = self._names
        for name in (near, far):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", near, "link", "add", "wide", "type", "veth", "peer", "wide", "netns", far)
        for name, own in ((near, self.NEAR), (far, self.FAR)):
            _ip("-n", name, "addr", "add", f"{own}/24", "dev", "wide")
            _ip("-n", name, "link", "set", "wide", "mtu", str(MTU), "up")
            bucket = f"tbf rate {self._mbit}mbit burst 64kb latency 50ms"
            command = ["tc", "-n", name, "qdisc", "add", "dev", "wide", "root", *bucket.split()]
            subprocess.run(command, check=True)
        return self


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


# ---------------------------------------------------------------- the process in between


@dataclass
class _Direction:
    rate: float
    delay: float
    queue: int
    loss: float
    up: bool = True
    _waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    _flying: deque[tuple[float, bytes]] = field(default_factory=deque)
    _queued: int = 0
    _free: float = 0.0

    def take(self, packet: bytes, now: float) -> None:
        lost = self.loss and random.random() < self.loss
        if not self.up or lost or self._queued + len(packet) > self.queue:
            return
        self._queued += len(packet)
        self._free = max(now, self._free) + len(packet) / self.rate
        self._waiting.append((self._free, packet))

    def pass_on(self, now: float, out: int) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            due, packet = self._waiting.popleft()
            self._queued -= len(packet)
            self._flying.append((due + self.delay, packet))
        while self._flying and self._flying[0][0] <= now:
            _, packet = self._flying.popleft()
            if self.up:
                with contextlib.suppress(OSError):  # the other end is being taken down or set up
                    os.write(out, packet)

    def due(self) -> float:
        return min(line[0][0] if line else 1e18 for line in (self._waiting, self._flying))


def _device(namespace: str) -> int:
    """A TUN device in a namespace, which this process enters."""
    with open(f"/var/run/netns/{namespace}", "rb") as place:  # noqa: PTH123 -- a descriptor
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"wide", _IFF_TUN_NO_PI))
    return device


def _main(options: dict[str, Any]) -> None:
    # Before all others: a link that is late looks like a queue to whoever measures its delay.
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    near, far = (_device(name) for name in options["names"])
    shape = (options["rate"], options["delay"], options["queue"], options["loss"])
    up, down = _Direction(*shape), _Direction(*shape)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.bind(options["control"])
        control.setblocking(False)
        print("ready", flush=True)
        while True:
            wait = min(0.2, max(0.0, min(up.due(), down.due()) - time.monotonic()))
            readable, _, _ = select.select([near, far, control], [], [], wait)
            for each in readable:
                if each is control:
                    for name, value in json.loads(control.recv(4096)).items():
                        setattr(up, name, value)
                        setattr(down, name, value)
                else:
                    _drain(each, up if each == near else down)
            now = time.monotonic()
            up.pass_on(now, far)
            down.pass_on(now, near)


def _drain(device: int, direction: _Direction) -> None:
    for _ in range(64):
        try:
            packet = os.read(device, 2048)
        except BlockingIOError:
            return
        direction.take(packet, time.monotonic())


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
