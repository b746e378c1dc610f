"""A lecture in a guest whose disks log every write: migrated ledger, recorded, packaged, delivered.

The room's spool lies on one disk, the platform's folder on another, each with a cache of its own;
both are in one log.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlite_utils import Database

from edge_agent.migrations import ledger as migrations
from tests.appliance import cache
from tests.appliance.blocklog import copy
from tests.appliance.machine import GuestFailed, Machine, kill
from tests.appliance.report import Row
from tests.appliance.room import (
    PLATFORM,
    SPOOL,
    TOOLS,
    Room,
    begin,
    end,
    state,
    until_armed,
    until_delivered,
    until_durable,
)

MIB = 1 << 20
#: In the log a disk's number is its place here. The file system of the spool ends before its disk:
#: the rest is for the beats.
DISKS = ("platform", "spool")
FS_MIB, DISK_MIB = 128, 129
LECTURE_S = 45.0
#: What the recorders' queues hold: 1000 blocks of 20 ms, 60 pictures at 10 a second.
QUEUES_S = {"microphone": 20.0, "camera": 6.0}
#: Lectures of last year in a ledger whose schema is the first one.
OLDER = tuple(f"01900000-0000-7000-8000-00000000000{n}" for n in range(3))


@dataclass(frozen=True, slots=True)
class Truth:
    """What the run that made the log knew at its end."""

    log: Path
    #: The disks before the first write, as in DISKS.
    blanks: tuple[Path, ...]
    utc: str
    lecture: str
    epoch_ns: int
    end_ns: int
    #: track → seconds that its recorder's queue holds when it is full.
    queues_s: dict[str, float]
    #: Lectures that the older ledger held.
    older: tuple[str, ...]


def record(room: Room, folder: Path, row: Row) -> Truth:
    """Record, stop, finish and deliver once. Leaves the log, the blank disks and `truth.json`."""
    disks, log = folder / "disks", folder / "writes.log"
    disks.mkdir(parents=True)
    blanks = tuple(_make_disk(disks, name, folder) for name in DISKS)
    with _served(disks, log, folder) as socket, room.awake("replay/machine") as machine:
        _plug_in(machine, socket)
        lecture = begin(machine, "Every crash point")
        machine.sh("echo started > /run/classroom-notes")
        until_durable(machine, LECTURE_S)
        end(machine)
        machine.sh("echo stopped > /run/classroom-notes")
        until_delivered(machine, lecture, row)
        utc = machine.sh("date -u +%Y-%m-%dT%H:%M:%S+00:00").out
        epoch_ns = int(state(machine, lecture, "epoch_ns"))
        end_ns = int(state(machine, lecture, "end_ns"))
    truth = Truth(log, blanks, utc, lecture, epoch_ns, end_ns, QUEUES_S, OLDER)
    (folder / "truth.json").write_text(json.dumps(asdict(truth), default=str))
    return truth


def _make_disk(disks: Path, name: str, folder: Path) -> Path:
    """An empty disk, or for the spool one with an older ledger; its copy for the replay."""
    content, disk, blank = folder / name, disks / f"{name}.img", folder / f"blank-{name}.img"
    content.mkdir()
    if name == "spool":
        older_ledger(content / "ledger.db")
    with disk.open("wb") as file:
        file.truncate(DISK_MIB * MIB)
    make = ["mkfs.ext4", "-q", "-F", "-L", name, "-d", content, disk, f"{FS_MIB}M"]
    subprocess.run(make, check=True)
    copy(disk, blank)
    return blank


def older_ledger(path: Path) -> None:
    """A ledger of the first schema, with lectures whose rows must survive its migration."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    database = Database(connection)
    second = migrations.pending(database)[1].name
    migrations.apply(database, stop_before=second)
    for lecture in OLDER:
        connection.execute(
            "INSERT INTO lectures (id, state, started_utc, clock_trust, epoch_boot, epoch_ns)"
            " VALUES (?, 'purged', '2025-11-22T10:00:00.000Z', 'plausible', 'b', 0)",
            (lecture,),
        )
    connection.close()


@contextmanager
def _served(disks: Path, log: Path, folder: Path) -> Iterator[Path]:
    """nbdkit with the logging plugin; its socket."""
    socket, plugin = folder / "nbd", cache.HERE / "write_log.py"
    command = ["nbdkit", "--foreground", "--unix", str(socket), "python", str(plugin)]
    server = subprocess.Popen([*command, f"disks={disks}", f"log={log}"])
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            if time.monotonic() > deadline or server.poll() is not None:
                raise GuestFailed("nbdkit does not start")
            time.sleep(0.05)
        yield socket
    finally:
        kill(server)


def _plug_in(machine: Machine, socket: Path) -> None:
    """The spool and the platform's folder move to the logged disks.

    Their journals are committed when the product flushes, and never by themselves (commit=300): a
    flush that the product has forgotten is not made good by the kernel's timer.
    """
    for name in DISKS:
        place = {"type": "unix", "path": str(socket)}
        drive = {"server": place, "export": name, "node-name": name}
        machine.qmp("blockdev-add", driver="nbd", **drive)
        device = {"drive": name, "bus": f"{name}-port", "id": name}
        machine.qmp("device_add", driver="virtio-blk-pci", **device)
        machine.until(f"the disk {name} is there", f"test -e /dev/disk/by-label/{name}")
    beat = f"{TOOLS}/beat.py /dev/disk/by-label/spool {FS_MIB * MIB}"
    commands = [
        "systemctl stop edge-agent edge-agent-upload",
        f"systemd-run --quiet --nice=-5 {beat}",
        f"mount -o commit=300 /dev/disk/by-label/spool {SPOOL}",
        f"mount -o commit=300 /dev/disk/by-label/platform {PLATFORM}",
        f"chown -R edge-agent:edge-agent {SPOOL} {PLATFORM}",
        "systemctl start edge-agent edge-agent-upload",
    ]
    for command in commands:
        machine.sh(command)
    until_armed(machine)
