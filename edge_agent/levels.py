"""The sound levels, ten times a second, for who shows them: a few bytes per microphone on tmpfs.

The status file is too large for that, and nobody may make the supervisor wait. So it overwrites a
record in place; whoever shows it looks when it likes, and takes no record that is half written.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from edge_agent.spool import Runtime

#: A number that changes with each record at both ends: monotonic time, then peak and RMS in dBFS.
_RECORD = struct.Struct("=qffq")


@dataclass(frozen=True, slots=True)
class LevelNow:
    """Monotonic time of this boot, and levels in dBFS."""

    mono_ns: int
    peak: float
    rms: float


def write_level(runtime: Runtime, track: str, level: LevelNow) -> None:
    """A runtime folder that is full or gone costs the level, no more."""
    record = _RECORD.pack(level.mono_ns, level.peak, level.rms, level.mono_ns)
    try:
        descriptor = os.open(
            runtime.level(track), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640
        )
    except OSError:
        return
    try:
        os.pwrite(descriptor, record, 0)
    except OSError:
        return
    finally:
        os.close(descriptor)


def read_level(runtime: Runtime, track: str) -> LevelNow | None:
    """The latest level; None when there is none, or when it is just being written."""
    try:
        record = runtime.level(track).read_bytes()
    except OSError:
        return None
    if len(record) != _RECORD.size:
        return None
    mono_ns, peak, rms, again = _RECORD.unpack(record)
    return LevelNow(mono_ns, peak, rms) if mono_ns == again else None
