"""A lecture on a disk whose every write is logged; then each of its power cuts, outside."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from tests.appliance.blocklog import BlockLog
from tests.appliance.continued import deliver_after
from tests.appliance.crash_points import Point, Replay, Truth, consecutive, load_truth, points_of
from tests.appliance.machine import Machine
from tests.appliance.report import Row
from tests.appliance.room import (
    PLATFORM,
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
#: The file system ends before the disk: the rest is for the beats.
FS_MIB, DISK_MIB = 128, 129
LECTURE_S = 45.0
#: Seconds of a track that may be missing beyond what the guest had got round to encoding.
LOST_AT_MOST_S = 1.1
#: Each point is tried so often, with other sectors missing.
TEARS = 5
#: Cuts after which the real agent finishes and delivers; of those that left segments, at most.
CONTINUED, LEFT_BEHIND = 12, 3
#: What the recorders' queues hold: 1000 blocks of 20 ms, 60 pictures at 10 a second.
QUEUES_S = {"microphone": 20.0, "camera": 6.0}
SPOOL = "/var/lib/edge-agent"


def every_crash_point(room: Room) -> Row:
    """Record, stop, finish and deliver once; replay every point at which the power can fail."""
    row = Row("every crash point")
    folder = room.folder / "replay"
    truth = _record(room, folder, row)
    seed = int(os.environ.get("CLASSROOM_SEED") or random.SystemRandom().randrange(1000))
    replay_all(truth, folder, seed, row)
    return row


def replay_all(truth: Truth, folder: Path, seed: int, row: Row) -> None:
    """Every point of a log that a run has left in `folder`."""
    points = points_of(BlockLog(truth.log))
    shares = consecutive(points, os.cpu_count() or 2)
    facts = folder / "truth.json"
    facts.write_text(json.dumps(asdict(truth), default=str))
    with ProcessPoolExecutor(len(shares)) as pool:
        jobs = [
            pool.submit(_replay, facts, folder / f"share-{number}", seed, share)
            for number, share in enumerate(shares)
        ]
        found = [point for job in jobs for point in job.result()]
    _judge(row, found, seed)
    first = [point for point in found if point.dice == seed]
    some = first[:: max(1, len(first) // CONTINUED)]
    some += [point for point in first if point.leftovers and point not in some][:LEFT_BEHIND]
    delivered = deliver_after(some, truth, folder, row)
    row.notes.append(f"the agent was started after {len(some)} cuts: {delivered} deliveries")


def _replay(facts: Path, folder: Path, seed: int, points: list[int]) -> list[Point]:
    """One process's share. In memory, as it is a matter of many small files."""
    place = Path("/dev/shm") / f"classroom-{os.getpid()}-{folder.name}"
    try:
        return list(Replay(load_truth(facts), place, seed).run(points, TEARS))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _judge(row: Row, found: list[Point], seed: int) -> None:
    row.runs = len(found)
    row.lost_s = [seconds for point in found for seconds in point.lost_s.values()]
    bad = [point for point in found if point.problems]
    for point in bad[:10]:
        row.problems.append(f"point {point.number}: {'; '.join(point.problems[:3])}")
    if len(bad) > 10:
        row.problems.append(f"… and {len(bad) - 10} more points")
    places = len({point.number for point in found})
    row.notes.append(
        f"{places} points, {TEARS} cuts with torn sectors at each (seed {seed}); "
        f"{len(bad)} broke a promise"
    )
    for track in QUEUES_S:
        lost = [point.lost_s[track] for point in found if track in point.lost_s]
        behind = [point.behind_s[track] for point in found if track in point.behind_s]
        more = sum(seconds > LOST_AT_MOST_S for seconds in lost)
        row.notes.append(
            f"{track}: median {median(lost):.2f} s, most {max(lost):.2f} s, {more} of {len(lost)} "
            f"more than {LOST_AT_MOST_S} s; with the slow guest's queue most {max(behind):.2f} s"
        )


# ---------------------------------------------------------------- the run


def _record(room: Room, folder: Path, row: Row) -> Truth:
    folder.mkdir(parents=True)
    disk, blank, log = folder / "spool.img", folder / "blank.img", folder / "writes.log"
    for path in (disk, log):
        with path.open("wb") as file:
            file.truncate(DISK_MIB * MIB if path is disk else 2048 * MIB)
    make = ["mkfs.ext4", "-q", "-F", "-L", "spool", disk, f"{FS_MIB}M"]
    subprocess.run(make, check=True)
    subprocess.run(["cp", "--sparse=always", disk, blank], check=True)
    with room.awake("replay/machine") as machine:
        _plug_in(machine, disk, log)
        lecture = begin(machine, "Every crash point")
        machine.sh("echo started > /run/classroom-notes")
        until_durable(machine, LECTURE_S)
        end(machine)
        machine.sh("echo stopped > /run/classroom-notes")
        until_delivered(machine, lecture, row)
        utc = machine.sh("date -u +%Y-%m-%dT%H:%M:%S+00:00").out
        epoch_ns = int(state(machine, lecture, "epoch_ns"))
        end_ns = int(state(machine, lecture, "end_ns"))
    return Truth(log, blank, utc, lecture, epoch_ns, end_ns, QUEUES_S)


def _plug_in(machine: Machine, disk: Path, log: Path) -> None:
    """The spool and the platform's folder move to the logged disk.

    Its journal is committed when the product flushes, and never by itself (commit=300): a flush
    that the product has forgotten is not made good by the kernel's timer.
    """
    machine.qmp("blockdev-add", driver="file", filename=str(disk), **{"node-name": "spool-file"})
    machine.qmp("blockdev-add", driver="file", filename=str(log), **{"node-name": "log-file"})
    options: dict[str, Any] = {"log-sector-size": 512, "log-super-update-interval": 1}
    machine.qmp(
        "blockdev-add",
        driver="blklogwrites",
        file={"driver": "raw", "file": "spool-file"},
        log="log-file",
        **{"node-name": "spool", **options},
    )
    machine.qmp("device_add", driver="virtio-blk-pci", drive="spool", bus="spool-port", id="spool")
    machine.until("the disk is there", "test -e /dev/disk/by-label/spool")
    commands = (
        "systemctl stop edge-agent edge-agent-upload",
        "mkdir /mnt/disk && mount -o commit=300 /dev/disk/by-label/spool /mnt/disk",
        "install -d -o edge-agent -g edge-agent -m 750 /mnt/disk/spool /mnt/disk/platform",
        f"mount --bind /mnt/disk/spool {SPOOL} && mount --bind /mnt/disk/platform {PLATFORM}",
        f"systemd-run --quiet --nice=-5 {TOOLS}/beat.py /dev/disk/by-label/spool {FS_MIB * MIB}",
        "systemctl start edge-agent edge-agent-upload",
    )
    for command in commands:
        machine.sh(command)
    until_armed(machine)
