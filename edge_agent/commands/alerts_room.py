"""The room as its webhooks tell it: what the panel would show, as causes of alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from edge_agent.clock import Clock
from edge_agent.commands.alert_causes import causes
from edge_agent.commands.missed_bookings import MissedBookings
from edge_agent.commands.room_look import RoomLook
from edge_agent.config import Config
from edge_agent.rules.alerts import Cause
from edge_agent.spool import Runtime, Spool

#: While nothing is known of the room. An alert lasts a minute before it is told.
UNKNOWN: tuple[Cause, ...] = (
    Cause("device_offline", text="the room cannot be read: its disk does not answer", blind=True),
)


def looking(
    config: Config, spool: Spool, runtime: Runtime, clock: Clock
) -> tuple[Callable[[], tuple[Cause, ...]], Callable[[], None]]:
    """A look at the room, and what ends the looking. Both for one thread."""
    room, bookings = RoomLook(config, spool, runtime, clock), MissedBookings(spool)

    def look() -> tuple[Cause, ...]:
        reading, shown = room.look()
        found = causes(reading, shown, bookings.look(reading.now))
        return tuple(_unread(found, reading.trouble) if reading.trouble else found)

    return look, room.close


def _unread(found: Iterator[Cause], why: str) -> Iterator[Cause]:
    """Of a room whose ledger cannot be read; lectures that were not saved stand in it."""
    offline = Cause("device_offline", text=f"what this room has recorded cannot be read: {why}")
    for cause in found:
        if cause.alert == "device_offline":
            offline = cause
        else:
            yield cause
    yield replace(offline, blind=True)
