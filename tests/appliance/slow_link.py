"""A destination that takes in next to nothing: a lecture is recorded while another crawls there."""

from __future__ import annotations

import subprocess

from tests.appliance.machine import Machine
from tests.appliance.report import Row
from tests.appliance.room import (
    PLATFORM,
    Room,
    begin,
    check_storage,
    end,
    state,
    until_armed,
    until_delivered,
    until_durable,
)

LENGTH_S = 12.0
#: Of the disk behind the folder. A package of such a lecture has some 200 kB.
BYTES_PER_S = 16384
DISK_BYTES = 64 << 20


def slow_destination(room: Room) -> Row:
    """The next lecture is whole, and recorded while the one before is on its way; both arrive."""
    row = Row("slow destination")
    with room.awake("slow") as machine:
        _plug_in(machine, room)
        first = _record(machine, "On its way")
        second = begin(machine, "Meanwhile")
        waiting = state(machine, first)
        row.expect(waiting in ("finishing", "packaged"), f"no overlap: the first is {waiting}")
        until_durable(machine, LENGTH_S)
        still = state(machine, first)
        end(machine)
        for lecture in (first, second):
            manifest = until_delivered(machine, lecture, row)
            row.expect(not manifest["gaps"], f"gaps of {lecture}: {manifest['gaps']}")
            row.runs += 1
        row.notes.append(
            f"{BYTES_PER_S} bytes a second; the first was {waiting} when the second began, and "
            f"{still} after {LENGTH_S} s of it"
        )
        check_storage(machine, row)
    return row


def _record(machine: Machine, title: str) -> str:
    """Until its delivery has begun."""
    lecture = begin(machine, title)
    until_durable(machine, LENGTH_S)
    end(machine)
    machine.until("its delivery has begun", f"ls {PLATFORM}/{lecture}")
    until_armed(machine)
    return lecture


def _plug_in(machine: Machine, room: Room) -> None:
    """The platform's folder moves to a disk that QEMU holds back: it is slow to sync, too."""
    disk = room.folder / "slow" / "platform.img"
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    # What mkfs leaves for later, the guest's kernel would write behind the upload's back.
    now = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", now, "-L", "platform", disk], check=True)
    group = {"throttle-group": "slow", "file": {"driver": "file", "filename": str(disk)}}
    machine.qmp("object-add", id="slow", **{"qom-type": "throttle-group"})
    machine.qmp("blockdev-add", driver="throttle", **{"node-name": "platform", **group})
    device = {"drive": "platform", "bus": "platform-port", "id": "platform"}
    machine.qmp("device_add", driver="virtio-blk-pci", **device)
    machine.until("the disk is there", "test -e /dev/disk/by-label/platform")
    for command in (
        "systemctl stop edge-agent edge-agent-upload",
        f"mount /dev/disk/by-label/platform {PLATFORM}",
        f"chown edge-agent:edge-agent {PLATFORM} && sync",
        "systemctl start edge-agent edge-agent-upload",
    ):
        machine.sh(command)
    until_armed(machine)
    limits = {"bps-total": BYTES_PER_S}
    machine.qmp("qom-set", path="/objects/slow", property="limits", value=limits)
