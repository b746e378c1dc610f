"""What is left of this computer's processors, as the kernel counts it.

Sources: proc(5) for /proc/stat and /proc/PID/stat; for the heat the kernel's
drivers/thermal/intel/therm_throt.c (other processors have no such counters, and slow down unseen:
then less of them is free).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
SYS = Path("/sys")
#: Columns of the first line of /proc/stat: nothing to do, and waiting for a disk.
_IDLE = (3, 4)
#: The columns behind these (guests) are counted in the first two already.
_COLUMNS = 8
#: Of /proc/PID/stat behind the name: utime and stime.
_TIMES = slice(11, 13)


class Spare:
    """Asked again and again; each answer is about the time since the one before."""

    def __init__(self, proc: Path = PROC, sys: Path = SYS) -> None:
        self._proc = proc
        self._sys = sys
        self._before: tuple[int, int, int | None, int] | None = None

    @property
    def processors(self) -> int:
        """Those that this process may use."""
        return len(os.sched_getaffinity(0))

    def free(self, pid: int | None) -> float | None:
        """Share of all processors that was idle, or used by process `pid` alone.

        None the first time, when another process is asked for, and where the kernel does not say.
        """
        before, self._before = self._before, None
        try:
            counts = [int(each) for each in self._line("stat").split()[1 : 1 + _COLUMNS]]
            own = self._own(pid)
        except (OSError, ValueError):
            return None
        idle = sum(counts[column] for column in _IDLE)
        self._before = sum(counts), idle, pid, own
        if before is None or before[2] != pid or sum(counts) <= before[0]:
            return None
        return min(1.0, (idle - before[1] + own - before[3]) / (sum(counts) - before[0]))

    def throttled(self) -> int:
        """How often a processor was slowed down because it was too hot."""
        found = 0
        for file in self._sys.glob("devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"):
            with suppress(OSError, ValueError):
                found += int(file.read_text())
        return found

    def _line(self, name: str) -> str:
        return (self._proc / name).read_text().partition("\n")[0]

    def _own(self, pid: int | None) -> int:
        """Ticks that a process has used; of one that is gone, nothing is left to count."""
        if pid is None:
            return 0
        fields = self._line(f"{pid}/stat").rpartition(")")[2].split()
        return sum(int(each) for each in fields[_TIMES])
