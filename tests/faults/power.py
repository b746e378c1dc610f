"""A classroom whose plug can be pulled: its own ext4 disk on a loop device.

`cut` is honest: EXT4_IOC_SHUTDOWN stops the file system at once and without flushing its journal,
every process of the room gets SIGKILL, then the disk is mounted anew, which replays the journal as
after a power cut. `boot` gives the room a new boot id and a monotonic clock that began anew, as a
PC has them. Needs root and a mount namespace of its own (`unshare --mount`), see power_cuts.py.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_agent.clock import SystemClock
from edge_agent.ledger import Ledger
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from tests.process.classroom import Classroom, until

EXT4_IOC_SHUTDOWN = 0x8004587D
#: Nothing more is written, not even the journal.
NO_LOG_FLUSH = 2
DISK_MIB = 192
MARKER = "EDGE_AGENT_TEST_ROOM"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLONE_NEWTIME = 0x80
NS = 1_000_000_000


class PoweredRoom(Classroom):
    """A classroom on a disk of its own. Its platform lies on the same disk: a stick in the PC."""

    def __init__(self, root: Path, tracks: Mapping[str, Any]) -> None:
        self.disk = root / "disk"
        self.disk.mkdir(parents=True)
        self._image = root / "disk.img"
        self._tracks = tracks
        #: The room's monotonic clock is the host's plus this.
        self.offset_ns = 0
        _run("truncate", "--size", f"{DISK_MIB}M", self._image)
        _run("mkfs.ext4", "-q", "-F", self._image)
        self._mount()
        super().__init__(root, tracks, {MARKER: str(root)})
        self.spool, self.platform = Spool(self.disk / "spool"), self.disk / "platform"
        self.platform.mkdir()
        os.sync()
        self.configure(tracks, storage={"spool": str(self.spool.root)})

    # ------------------------------------------------------------ power

    def boot(self, uptime_s: float) -> None:
        """Processes started from now on live in a boot of its own."""
        boot_id = self.root / "boot_id"
        boot_id.write_text(f"{uuid.uuid4()}\n")
        _run("mount", "--bind", boot_id, _BOOT_ID)
        self.offset_ns = int(uptime_s * NS) - time.monotonic_ns()
        _new_clock(self.offset_ns)
        shutil.rmtree(self.runtime.root, ignore_errors=True)

    def cut(self) -> int:
        """Pull the plug; the room's monotonic time of that instant."""
        descriptor = os.open(self.disk, os.O_RDONLY)
        at_ns = time.monotonic_ns() + self.offset_ns
        fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(descriptor)
        self.kill_all()
        until("nobody holds the disk", self._unmounted)
        self._mount()
        return at_ns

    def close(self) -> None:
        self.kill_all()
        super().close()
        until("nobody holds the disk", self._unmounted)

    def kill_all(self) -> None:
        """kill -9 everything that was started in this room, orphans included."""
        while pids := list(self._pids()):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            for process in (self.agent, self.uploader):
                if process is not None:
                    process.wait()
            time.sleep(0.01)

    def _pids(self) -> Iterator[int]:
        """Living processes with this room's mark."""
        mark = f"{MARKER}={self.root}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        yield int(entry.name)
                except OSError:
                    continue

    def _unmounted(self) -> bool:
        done = subprocess.run(["umount", self.disk], capture_output=True, check=False)
        return done.returncode == 0

    def _mount(self) -> None:
        _run("mount", "-o", "loop", self._image, self.disk)

    # ------------------------------------------------------------ what people and tests do

    def post(self, verb: str, **args: Any) -> int:
        """As in every classroom, with the clock of this one."""
        now = SystemClock().now()
        ledger = Ledger.write(self.spool.ledger)
        try:
            return ledger.post(
                verb,
                args,
                key=str(uuid.uuid4()),
                origin="test",
                now=type(now)(now.mono_ns + self.offset_ns, now.utc, self._boot(), now.trust),
                ttl_ns=60 * NS,
            )
        finally:
            ledger.close()

    def lecture_s(self, mono_ns: int, epoch_ns: int) -> float:
        """Seconds since the press of the button."""
        return (mono_ns - epoch_ns - START_NS) / NS

    def _boot(self) -> str:
        return _BOOT_ID.read_text().strip()


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _new_clock(offset_ns: int) -> None:
    """Children started from now on have a monotonic clock that is shifted by this much."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWTIME) != 0:
        raise OSError(ctypes.get_errno(), "no time namespace")
    seconds, rest = divmod(offset_ns, NS)
    Path("/proc/self/timens_offsets").write_text(f"monotonic {seconds} {rest}\n")
