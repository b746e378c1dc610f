"""Checks of the PC itself: time, disk, drive, firmware. By what the kernel tells, without SMART."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge_agent.accounts import service_account
from edge_agent.commands.finding import Finding, Ground, Mend, State
from edge_agent.commands.words import size
from edge_agent.rules.space import VIDEO_KBPS, WARN_BELOW_HOURS, hours_left

_UTC = ("Etc/UTC", "UTC", "Etc/Universal", "Universal", "Etc/GMT", "GMT", "Etc/UCT")
#: How ext4 is mounted when it takes no changes: newer kernels leave "rw" there after an error.
_REFUSING = {"ro", "emergency_ro", "shutdown"}
_FORGETS = ("tmpfs", "ramfs")
_ELSEWHERE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "fuse.rclone")
_NO_JOURNAL = ("vfat", "exfat", "ext2")
#: JEDEC eMMC 5.0, PRE_EOL_INFO: 80 % and 90 % of the reserved blocks are used up.
_EMMC_AGE = {"0x02": State.NOTE, "0x03": State.WRONG}
_FIRMWARE = re.compile(r"firmware: failed to load (\S+)|Direct firmware load for (\S+) failed")


def clock(ground: Ground) -> Iterator[Finding]:
    """Is the time right?"""
    trust = ground.clock.now().trust
    mend = Mend((("timedatectl", "set-ntp", "true"),))
    after = " (the network must be there)"
    if trust == "synchronised":
        yield Finding("synchronised with the network")
    elif trust == "plausible":
        what = "not synchronised: dates of lectures may be wrong"
        yield Finding.mendable(what, State.NOTE, mend, after)
    else:
        yield Finding.mendable("never set: lectures get a wrong date", State.WRONG, mend, after)


def zone(ground: Ground) -> Iterator[Finding]:
    """Is the time zone the room's? Hours, dates and the mains' frequency follow it."""
    found = zone_of(ground.root)
    if found and found not in _UTC:
        yield Finding(found)
        return
    fix = "sudo timedatectl set-timezone Asia/Phnom_Penh (or yours: timedatectl list-timezones)"
    yield Finding(f"the time zone is {found or 'not set'}, not the room's", State.NOTE, fix)


def zone_of(root: Path) -> str:
    """The system's zone by its name, such as Asia/Phnom_Penh; empty when it has none."""
    place = root / "etc/localtime"
    if place.is_symlink():
        _, found, name = str(place.readlink()).partition("zoneinfo/")
        if found:
            return name
    try:
        return (root / "etc/timezone").read_text().strip()
    except OSError:
        return ""


def disk(ground: Ground) -> Iterator[Finding]:
    """Is there room for lectures, and may they be written?"""
    root = ground.room.spool.root
    usable = next(each for each in (root, *root.parents) if each.is_dir())
    if not os.access(usable, os.W_OK):
        fix = "run this as the service does: sudo -u edge-agent edge-agent doctor"
        yield Finding(f"{usable} cannot be written by this user", State.WRONG, fix)
    elif usable != root:
        yield _spool_to_make(ground, root)
    free = shutil.disk_usage(usable).free
    kbps = [
        track.max_kbps or VIDEO_KBPS if track.media == "video" else track.audio_kbps
        for track in ground.config.tracks.values()
    ] or [VIDEO_KBPS]
    hours = hours_left(free, kbps)
    what = f"{size(free)} free, enough for about {hours:.0f} hours"
    fix = "see what waits to be sent: edge-agent upload status"
    least = ground.config.storage.least_free_mib << 20
    enough = hours >= WARN_BELOW_HOURS and free >= least
    yield Finding(what) if enough else Finding(what, State.WRONG, fix)


def _spool_to_make(ground: Ground, root: Path) -> Finding:
    """The agent makes it too; made by root beforehand it would belong to the wrong one."""
    who = ground.account or service_account(root)
    make: tuple[str, ...] = ("install", "-d", "-m", "0750")
    if who.uid != os.geteuid():
        make = (*make, "-o", str(who.uid), "-g", str(who.gid))
    mend = Mend(((*make, str(root)),), root=os.geteuid() == 0)
    return Finding.mendable(f"{root} is not there yet", State.NOTE, mend)


def drive(ground: Ground) -> Iterator[Finding]:
    """Will the drive keep what is written? What kernel and file system say of it."""
    spool = ground.room.spool.root
    device, kind, options = _mount(ground.root, spool)
    if _REFUSING.intersection(options):
        fix = "restart this PC, which checks the drive; if it comes back so, replace the drive"
        yield Finding(f"{spool} is read-only", State.WRONG, fix)
    if kind in _FORGETS:
        fix = "set storage.spool to a folder on a drive"
        yield Finding(f"{spool} is in memory: a power cut takes it", State.WRONG, fix)
    elif kind in _ELSEWHERE:
        fix = "set storage.spool to a drive of this PC, and send lectures there as a destination"
        yield Finding(f"{spool} is on the network ({kind})", State.WRONG, fix)
    elif kind in _NO_JOURNAL:
        fix = "use ext4 for the recordings"
        yield Finding(f"{spool} is on {kind}: a power cut may damage it", State.NOTE, fix)
    troubles = list(_worn(ground.root, Path(device).name))
    yield from troubles
    if not troubles and kind:
        yield Finding(f"{kind} on {device}, no errors noted")


def _mount(root: Path, place: Path) -> tuple[str, str, list[str]]:
    """Device, kind and options of what a folder is (or will be) on; empty when it is not told."""
    best: tuple[int, tuple[str, str, list[str]]] = (-1, ("", "", []))
    try:
        lines = (root / "proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return best[1]
    for line in lines:
        device, at, kind, options, *_ = line.split(" ")
        at = at.replace("\\040", " ")
        if place.is_relative_to(at) and len(at) >= best[0]:  # of two at one place the later
            best = len(at), (device, kind, options.split(","))
    return best[1]


def _worn(root: Path, device: str) -> Iterator[Finding]:
    errors = _read(root / f"sys/fs/ext4/{device}/errors_count")
    if errors not in ("", "0"):
        fix = "copy the lectures away, then check it at the next start: fsck.mode=force"
        yield Finding(f"the file system has noted {errors} errors", State.WRONG, fix)
    for place in sorted((root / "sys/block").glob("mmcblk*")):
        state = _EMMC_AGE.get(_read(place / "device/pre_eol_info"))
        if state is not None:
            fix = f"plan another {'now' if state is State.WRONG else 'soon'}"
            yield Finding(f"{place.name} has nearly used up its spare blocks", state, fix)
    for place in sorted((root / "sys/block").glob("md*")):
        if _read(place / "md/degraded") not in ("", "0"):
            fix = f"replace the missing drive: mdadm --detail /dev/{place.name}"
            yield Finding(f"{place.name} runs without one of its drives", State.WRONG, fix)


def firmware(ground: Ground) -> Iterator[Finding]:
    """Has the kernel missed firmware since it started?"""
    said = ground.ask(["journalctl", "--dmesg", "--boot", "--output=cat", "--no-pager"])
    if said is None:
        yield Finding("the kernel's log cannot be read", State.OK)
        return
    missed = sorted({one or other for one, other in _FIRMWARE.findall(said)})
    if not missed:
        yield Finding("nothing is missing")
    for name in missed:
        fix = (
            "if a device does not work: sudo apt install firmware-linux (Debian: non-free-firmware)"
        )
        yield Finding(f"{name} is missing", State.NOTE, fix)


def _read(place: Path) -> str:
    try:
        return place.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
