"""One look at the room, as the panel shows it, for other programs that tell of it."""

from __future__ import annotations

from edge_agent.clock import Clock
from edge_agent.config import Config
from edge_agent.panel import state as panel
from edge_agent.panel.picture import Memory, Wishes, picture
from edge_agent.panel.reading import Reader, Reading
from edge_agent.spool import Runtime, Spool


class RoomLook:
    """Used by one thread."""

    def __init__(self, config: Config, spool: Spool, runtime: Runtime, clock: Clock) -> None:
        least = config.storage.least_free_mib * 1024 * 1024
        room = panel.Room(name=config.room.name)
        self._wishes = Wishes(room, least, hearing=config.guards.hearing)
        self.reader = Reader(spool, runtime, clock)
        self.memory = Memory()

    def look(self, *, queue_too: bool = False) -> tuple[Reading, panel.PanelState]:
        """What was read, and what the panel shows of it."""
        reading = self.reader.look(queue_too=queue_too)
        self.memory, shown = picture(self.memory, reading, self._wishes)
        return reading, shown

    def close(self) -> None:
        self.reader.close()
