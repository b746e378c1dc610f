"""When another microphone stands in for the main one in the package. Pure.

Decided from what was stored while the lecture was recorded: where the main microphone has nothing,
and where people were told that nothing can be heard of it. A voice that is too quiet or too loud is
still the lecturer's own microphone, and better than another one at the far end of the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.rules.guards import DIGITAL_SILENCE, NO_SAMPLES
from edge_agent.rules.timeline import SECOND, Span, holes, merge
from edge_agent.rules.voices import HUM, NOBODY, WENT_SILENT

#: A track whose flavor begins so is recorded for this only.
BACKUP = "backup/"
#: Nothing of worth is on a microphone while people are told this of it.
DEAD = frozenset({NO_SAMPLES, DIGITAL_SILENCE, NOBODY, WENT_SILENT, HUM})
NOT_RECORDED = "not recorded"
#: What is shorter is not worth two changes of the sound.
LEAST_NS = 2 * SECOND
#: Between two stretches there must be so much of the main microphone for it to come back.
BACK_NS = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Warned:
    """What was wrong with a track, in lecture time; `end_ns` None: until the end."""

    start_ns: int
    end_ns: int | None
    what: str


@dataclass(frozen=True, slots=True)
class StandIn:
    """From one lecture time to another the other microphone is heard, and why."""

    start_ns: int
    end_ns: int
    why: str


def is_backup(flavor: str) -> bool:
    return flavor.startswith(BACKUP)


def stand_ins(
    main: Sequence[Span],
    main_warned: Iterable[Warned],
    backup: Sequence[Span],
    backup_warned: Iterable[Warned],
    end_ns: int,
) -> list[StandIn]:
    """The stretches up to `end_ns`, in order. Spans are merged ones of media.

    Where the other microphone is no better, nothing changes.
    """
    if not backup:
        return []
    reasons = [*_dead(main_warned, end_ns)]
    first_ns = min(span.start_ns for span in (*main[:1], *backup[:1]))
    reasons += [(hole, NOT_RECORDED) for hole in holes(main, first_ns, end_ns)]
    # Before they are joined: a microphone that stutters is no reason to hear another one for long.
    reasons = [(span, what) for span, what in reasons if _length(span) >= LEAST_NS]
    wanted = merge((span for span, _ in reasons), join_ns=BACK_NS)
    mute = merge(span for span, _ in _dead(backup_warned, end_ns))
    heard = [part for span in backup for part in holes(mute, span.start_ns, span.end_ns)]
    found = _common(wanted, heard)
    return [
        StandIn(span.start_ns, span.end_ns, _why(span, reasons))
        for span in found
        if _length(span) >= LEAST_NS
    ]


def _dead(warned: Iterable[Warned], end_ns: int) -> Iterator[tuple[Span, str]]:
    for it in warned:
        last_ns = end_ns if it.end_ns is None else min(it.end_ns, end_ns)
        if it.what in DEAD and it.start_ns < last_ns:
            yield Span(it.start_ns, last_ns), it.what


def _common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in a span of both."""
    parts = (
        Span(max(one.start_ns, other.start_ns), min(one.end_ns, other.end_ns))
        for one in some
        for other in others
    )
    return merge(parts)


def _length(span: Span) -> int:
    return span.end_ns - span.start_ns


def _why(span: Span, reasons: Iterable[tuple[Span, str]]) -> str:
    """The reason that covers most of it."""
    covered: dict[str, int] = {}
    for reason, what in reasons:
        length = min(span.end_ns, reason.end_ns) - max(span.start_ns, reason.start_ns)
        covered[what] = covered.get(what, 0) + max(0, length)
    return max(covered, key=lambda what: covered[what])
