"""The machines of the virtual classroom, and what its scenarios do with them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.rules.timeline import START_NS
from tests.appliance import cache
from tests.appliance.image import Image
from tests.appliance.machine import BOOTED, GuestFailed, Machine, kill, layered_disk, running
from tests.appliance.report import Row

TRACKS = ("camera", "microphone")
SERVICES = ("edge-agent", "edge-agent-upload")
CONFIG = "/etc/edge-agent/config.toml"
PLATFORM = "/srv/lectures"
SPOOL = "/var/lib/edge-agent"
TOOLS = "/usr/local/lib/classroom"
#: Exit codes of `record start` when a track, or none of them, was on the disk within some seconds.
LATE_TRACK, NO_TRACK_YET = 3, 9


@dataclass(frozen=True, slots=True)
class Room:
    """Where this run's machines live."""

    image: Image
    folder: Path

    @contextmanager
    def awake(self, name: str) -> Iterator[Machine]:
        """A machine that has been booted before: both recorders armed, nothing recorded yet."""
        place = self.folder / name
        place.mkdir(parents=True)
        disk = place / "root.qcow2"
        shutil.copyfile(self._snapshot() / "root.qcow2", disk)
        machine = Machine(self.image, place, layered_disk(disk), wake=True)
        with running(machine):
            until_armed(machine)
            yield machine
        disk.unlink()

    def _snapshot(self) -> Path:
        """It fits a machine of the same devices only."""
        name = cache.key([self.image.key, cache.HERE / "machine.py"])
        return cache.kept("booted", name, self._boot)

    def _boot(self, place: Path) -> None:
        disk = place / "root.qcow2"
        layer = ("-f", "qcow2", "-F", "raw", "-b", str(self.image.root))
        subprocess.run(["qemu-img", "create", "-q", *layer, str(disk)], check=True)
        with running(Machine(self.image, self.folder / "first-boot", layered_disk(disk))) as it:
            until_armed(it)
            it.sh("sync; fstrim / || true")
            it.monitor(f"savevm {BOOTED}")


class HonestDisk:
    """A disk that forgets at a power cut what was not flushed: nbdkit's cache filter.

    The cache is a deleted file that reaches `raw` when the guest flushes, and goes with nbdkit.
    """

    def __init__(self, image: Image, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._raw, self._socket = folder / "root.raw", folder / "nbd"
        subprocess.run(["cp", "--sparse=always", image.root, self._raw], check=True)
        self._server: subprocess.Popen[bytes] | None = None

    def plug_in(self) -> list[str]:
        """QEMU's arguments for it."""
        self._socket.unlink(missing_ok=True)
        command = ["nbdkit", "--foreground", "--unix", str(self._socket), "--filter=cache"]
        command += ["file", str(self._raw), "cache=writeback"]
        self._server = subprocess.Popen(command)
        deadline = time.monotonic() + 30
        while not self._socket.exists():
            if time.monotonic() > deadline or self._server.poll() is not None:
                raise GuestFailed("nbdkit does not start")
            time.sleep(0.05)
        where = f"server.type=unix,server.path={self._socket}"
        drive = ["-blockdev", f"driver=nbd,node-name=root,{where}"]
        return [*drive, "-device", "virtio-blk-pci,drive=root,write-cache=on"]

    def cut(self) -> None:
        if self._server is not None:
            kill(self._server)
            self._server = None

    def close(self) -> None:
        self.cut()
        self._raw.unlink(missing_ok=True)


# ---------------------------------------------------------------- what scenarios do alike


def until_armed(machine: Machine) -> None:
    def armed(status: dict[str, Any]) -> bool:
        phases = [track["phase"] for track in status["tracks"].values()]
        return bool(phases) and all(phase == "armed" for phase in phases)

    for unit in SERVICES:  # of several units, is-active is content with one
        machine.until(f"{unit} is up", f"systemctl is-active {unit}")
    machine.until_status("the recorders are armed", armed)


def until_durable(machine: Machine, seconds: float, *tracks: str) -> dict[str, Any]:
    """Until so many seconds of the lecture are on the disk; the status then."""
    return machine.until_status(
        f"{seconds} s are on the disk",
        lambda s: all((s["tracks"][t]["durable_s"] or 0) >= seconds for t in tracks or TRACKS),
    )


def begin(machine: Machine, title: str) -> str:
    """Start a lecture as people do; its id.

    An emulated PC may be too slow for the command's patience with a late track; that is no fault.
    """
    done = machine.edge_agent("record", "start", "--title", title, "--json", check=False)
    begun = done.json() if done.status in (0, LATE_TRACK, NO_TRACK_YET) else None
    if not begun:
        raise GuestFailed(f"record start gave {done.status}:\n{done.out}")
    return str(begun["lecture"])


def end(machine: Machine) -> None:
    machine.edge_agent("record", "stop")


def state(machine: Machine, lecture: str, column: str = "state") -> str:
    """What the ledger says of a lecture; empty when it is not there."""
    return machine.sh(f"{TOOLS}/state.py {lecture} {column}").out


def until_state(machine: Machine, lecture: str, wanted: str) -> None:
    command = f"{TOOLS}/state.py {lecture} | grep -x -E '{wanted}'"
    machine.until(f"{lecture} is {wanted}", command)


def until_delivered(machine: Machine, lecture: str, row: Row) -> dict[str, Any]:
    """Wait for the whole package at the platform, read it back there; its manifest."""
    until_state(machine, lecture, "delivered")
    there = f"{PLATFORM}/{lecture}"
    sums = machine.sh(f"cd {there} && sha256sum --check --quiet manifest-sha256.txt", check=False)
    row.expect(sums.status == 0, f"{lecture} is damaged at the platform: {sums.out}")
    return dict(json.loads(machine.sh(f"cat {there}/manifest.json").out))


def duration_s(manifest: dict[str, Any]) -> float:
    return float(manifest["durationSeconds"])


def check_storage(machine: Machine, row: Row) -> None:
    """Ledger and disk agree, every byte; and no lecture lies at the platform twice."""
    done = machine.edge_agent("storage", "check", check=False)
    row.expect(done.status == 0, f"storage check: {done.out}")
    said = machine.sh(f"cat {PLATFORM}/*/manifest.json 2>/dev/null", check=False).out
    lectures = re.findall(r'"identifier": *"([^"]+)"', said)
    row.duplicates += len(lectures) - len(set(lectures))


def gaps_of(manifest: dict[str, Any], track: str) -> list[dict[str, Any]]:
    return [gap for gap in manifest["gaps"] if gap["track"] == track]


def agent_started_s(machine: Machine) -> float:
    """When the agent's process was started, in seconds since this boot."""
    wanted = "systemctl show edge-agent --property ExecMainStartTimestampMonotonic --value"
    return int(machine.sh(wanted).out) / 1e6


def lecture_s(machine: Machine, lecture: str) -> float:
    """Seconds since the press of record, by the guest's clock."""
    pressed_s = (int(state(machine, lecture, "epoch_ns")) + START_NS) / 1e9
    return float(machine.sh("cut -d ' ' -f 1 /proc/uptime").out) - pressed_s
