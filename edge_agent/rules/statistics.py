"""What a room did month by month, for those who must account for it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from edge_agent.rules.lecture import State

#: In these states nothing more is recorded, and nothing was made of it.
NOTHING_CAME = (State.FAILED, State.MISSED)
#: A lecture is in the hands of the platform.
AT_THE_PLATFORM = (State.DELIVERED, State.PURGED)


@dataclass(frozen=True, slots=True)
class Held:
    """One lecture, as far as it counts."""

    started_utc: str
    state: State
    duration_s: float
    language: str = ""
    #: Stretches in which a track delivered nothing, and their seconds, of all tracks together.
    gaps: int = 0
    gap_s: float = 0.0
    delivered_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the room's own zone. A lecture belongs where it began."""

    month: str  # YYYY-MM
    lectures: int = 0
    hours: float = 0.0
    #: Lectures of which nothing came.
    failed: int = 0
    delivered: int = 0
    delivered_bytes: int = 0
    gaps: int = 0
    gap_hours: float = 0.0
    #: Lectures by their language's tag (BCP 47); "" where nobody has said it.
    languages: dict[str, int] = field(default_factory=dict)


def months(held: Iterable[Held], zone: tzinfo | None = None) -> list[Month]:
    """Oldest first; only months in which something was recorded. Zone None: this computer's."""
    groups: dict[str, list[Held]] = {}
    for it in held:
        began = datetime.fromisoformat(it.started_utc).astimezone(zone)
        groups.setdefault(f"{began:%Y-%m}", []).append(it)
    return [_month(name, groups[name]) for name in sorted(groups)]


def _month(name: str, held: list[Held]) -> Month:
    came = [it for it in held if it.state not in NOTHING_CAME]
    languages = Counter(it.language for it in came)
    return Month(
        month=name,
        lectures=len(came),
        hours=sum(it.duration_s for it in came) / 3600,
        failed=len(held) - len(came),
        delivered=sum(it.state in AT_THE_PLATFORM for it in came),
        delivered_bytes=sum(it.delivered_bytes for it in came),
        gaps=sum(it.gaps for it in came),
        gap_hours=sum(it.gap_s for it in came) / 3600,
        languages=dict(sorted(languages.items())),
    )
