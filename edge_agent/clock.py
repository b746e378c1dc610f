"""The two clocks and how far the wall clock can be trusted. The only module that reads them.

Durations, deadlines and media stamps use CLOCK_MONOTONIC; UTC is an annotation (invariant I7).
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

#: adjtimex(2) returns TIME_ERROR while the kernel clock is not synchronised.
_TIME_ERROR = 5
#: A wall clock before this version's year was surely never set. Nor was one that says a time before
#: the program was installed: on a PC without a battery, systemd begins at its own release date.
_OLDEST_PLAUSIBLE = datetime(2026, 1, 1, tzinfo=UTC)
#: sizeof(struct timex) is 208 bytes on 64-bit Linux; a larger zeroed buffer reads the state only.
_TIMEX_BYTES = 512


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of both clocks. `trust` is "synchronised", "plausible" or "unset"."""

    mono_ns: int
    utc: datetime
    boot: str
    trust: str
    #: How long this computer has slept in this boot: the monotonic clock stands still meanwhile.
    asleep_ns: int = 0

    @property
    def utc_text(self) -> str:
        return rfc3339(self.utc)


class Clock(Protocol):
    """Where time comes from; tests bring their own."""

    def now(self) -> Now: ...
    def mono_ns(self) -> int: ...


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_trust(utc: datetime, kernel_synchronised: bool, installed: datetime) -> str:
    """How far a wall clock reading can be trusted, by a program installed at that time."""
    if kernel_synchronised:
        return "synchronised"
    return "plausible" if utc >= max(_OLDEST_PLAUSIBLE, installed) else "unset"


class SystemClock:
    """The clocks of this machine."""

    def __init__(self, boot_id_file: Path = Path("/proc/sys/kernel/random/boot_id")) -> None:
        self._boot_id_file = boot_id_file
        self._boot = ""
        self._installed = _OLDEST_PLAUSIBLE

    def now(self) -> Now:
        if not self._boot:
            self._boot = self._boot_id_file.read_text().strip()
            self._installed = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
        utc = datetime.now(UTC)
        trust = clock_trust(utc, _kernel_synchronised(), self._installed)
        mono_ns = time.monotonic_ns()
        asleep_ns = max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - mono_ns)
        return Now(mono_ns, utc, self._boot, trust, asleep_ns)

    def mono_ns(self) -> int:
        return time.monotonic_ns()


def _kernel_synchronised() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return 0 <= state < _TIME_ERROR
