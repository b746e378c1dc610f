"""Have the disk take a growing file bit by bit, while FFmpeg writes it.

What has not been synced waits in memory, gigabytes of it where there is room. One sync at the end
then takes minutes on a slow disk, in silence; and meanwhile a recorder's syncs stand behind it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge_agent.durable import sync_file

#: As for copies to a destination.
SYNC_EVERY = 16 << 20
#: The size is looked at after so many packets, which are some megabytes at most.
LOOK_EVERY = 64


class Meter(Protocol):
    """Hears of every packet copied and, while none is, that the work goes on."""

    def tick(self) -> None: ...
    def alive(self) -> None: ...


class GrowingFile:
    """Call `tick` after each packet. The file's last bytes are for its writer to sync."""

    def __init__(self, path: Path, meter: Meter) -> None:
        self._path = path
        self._meter = meter
        self._packets = 0
        self._synced = 0

    def tick(self) -> None:
        """Raises OSError."""
        self._meter.tick()
        self._packets += 1
        if self._packets % LOOK_EVERY:
            return
        size = self._path.stat().st_size
        if size - self._synced >= SYNC_EVERY:
            sync_file(self._path)
            self._synced = size
            self._meter.alive()
