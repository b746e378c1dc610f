"""How rooms stand, in lines for people and facts for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Report
from edge_agent.commands.words import local, table

if TYPE_CHECKING:
    from edge_agent.rules.fleet import Standing

#: Rooms that are well are only counted where there are more.
SHOWN_WELL = 10


def facts(it: Standing) -> dict[str, Any]:
    """One room, for scripts."""
    return {
        "room": it.room,
        "rank": it.rank.name.lower(),
        "state": it.state,
        "since_utc": it.since_utc or None,
        "queue": it.queue,
        "hours_left": None if it.hours is None else round(it.hours, 1),
        "note": it.note,
    }


def tell(report: Report, standings: list[Standing]) -> None:
    """A line for each room."""
    from edge_agent.rules.fleet import Rank

    well = [each for each in standings if each.rank is Rank.WELL]
    shown = standings if len(well) <= SHOWN_WELL else [e for e in standings if e not in well]
    rows = [
        (
            *(it.room, it.state, local(it.since_utc)[11:16] if it.since_utc else "–"),
            "–" if it.queue is None else str(it.queue),
            "–" if it.hours is None else f"{it.hours:.0f} h",
            it.note,
        )
        for it in shown
    ]
    report.say(*table(("ROOM", "STATE", "SINCE", "QUEUE", "DISK", "NOTE"), rows))
    if len(shown) < len(standings):
        report.say(f"… {len(well)} rooms are well")
