"""The room as MQTT tells it: what the panel would show, in MQTT's own messages.

Stands with the commands because it joins two programs that know nothing of each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import cast

from edge_agent import __version__
from edge_agent.clock import Clock
from edge_agent.commands.alert_causes import alerts
from edge_agent.commands.missed_bookings import Missed, MissedBookings
from edge_agent.commands.room_look import RoomLook
from edge_agent.config import Config
from edge_agent.mqtt import messages as say
from edge_agent.mqtt.view import Snapshot
from edge_agent.panel import state as panel
from edge_agent.panel.reading import Reading
from edge_agent.rows import Event
from edge_agent.spool import Runtime, Spool

#: No message is longer than these make it, whatever devices and disks call themselves.
MOST_DETAIL, MOST_TRACKS, MOST_PROBLEMS = 120, 12, 6
#: So many events are told after an outage; the ledger has them all.
MOST_EVENTS = 200
#: Changes of the word that nobody pressed for are no turn.
_SAME_TURN = {"starting": "recording", "start_failed": "recording", "saved": "ready"}
_SAME_TURN |= {"saving": "ready", "not_ready": "ready"}
_NOTHING_MISSED = Missed()
#: What becomes of a booking of which nothing has been recorded.
_OPEN = ("", "hindered", "missed")


def unknown(room: str, detail: str) -> Snapshot:
    """Nothing is known: what was true once is not told as if it were so."""
    problem = say.Problem(key="agent.down", severity="critical", detail=detail)
    state = say.State(room=room, word="not_ready", problems=[problem], alerts=["device_offline"])
    return Snapshot(state, say.Health(version=__version__), say.Queue())


def looking(
    config: Config, spool: Spool, runtime: Runtime, clock: Clock
) -> tuple[Callable[[], Snapshot], Callable[[], None]]:
    """A look at the room, and what ends the looking. Both for one thread."""
    room, bookings = RoomLook(config, spool, runtime, clock), MissedBookings(spool)

    def look() -> Snapshot:
        reading, shown = room.look()
        missed = bookings.look(reading.now)
        return snapshot(reading, shown, room.reader.events(MOST_EVENTS), missed)

    return look, room.close


def snapshot(
    it: Reading,
    shown: panel.PanelState,
    events: Iterable[Event] = (),
    missed: Missed = _NOTHING_MISSED,
) -> Snapshot:
    return Snapshot(
        _state(it, shown, missed),
        _health(it, shown),
        say.Queue(
            waiting=shown.queue.waiting,
            sending=shown.queue.sending_percent is not None,
            help=shown.queue.help,
            next_utc=shown.queue.next_utc,
        ),
        # Those of this boot: what is older was told then, or is in the ledger.
        [_event(each) for each in sorted(events, key=lambda e: e.id) if each.boot == it.now.boot],
        it.now.utc_text,
    )


def _state(it: Reading, shown: panel.PanelState, missed: Missed) -> say.State:
    names = {source.number: source.track for source in shown.sources}
    lecture = shown.lecture
    problems = [
        say.Problem(
            key=each.key,
            severity=each.severity,
            track=names.get(each.source, "") if each.source is not None else "",
            detail=each.detail[:MOST_DETAIL],
        )
        for each in shown.problems[:MOST_PROBLEMS]
    ]
    return say.State(
        room=shown.room.name,
        word=shown.word,
        lecture=_lecture(lecture) if lecture is not None else None,
        booking=_booking(it),
        recorded_s=_recorded_s(shown.timer, it.now.mono_ns // 1_000_000),
        running=shown.timer.running,
        muted=shown.muted,
        mic=shown.mic.state,
        tracks=[
            say.Track(name=source.track, role=source.role, state=source.state)
            for source in shown.sources[:MOST_TRACKS]
        ],
        problems=problems,
        alerts=alerts(it, shown, missed),
        turn=turn(it, shown),
    )


def _lecture(it: panel.Lecture) -> say.Lecture:
    return say.Lecture(
        id=it.id,
        title=it.title,
        course=it.course,
        lecturer=it.lecturer,
        started_utc=it.started_utc,
        until_utc=it.until_utc,
    )


def _booking(it: Reading) -> say.Booking | None:
    """The one whose time it is, while nothing of it is recorded."""
    schedule = it.status.get("schedule") if it.status else None
    now = schedule.get("now") if schedule else None
    if not now or now["recording"] or now["outcome"] not in _OPEN or it.active is not None:
        return None
    return say.Booking(
        title=now["title"],
        starts_utc=now["starts_utc"],
        ends_utc=now["ends_utc"],
        reason=now["reason"][:MOST_DETAIL],
    )


def _recorded_s(timer: panel.Timer, now_ms: int) -> int:
    since_ms = now_ms - timer.at_ms if timer.running else 0
    return max(0, timer.ms + since_ms) // 1000


def turn(it: Reading, shown: panel.PanelState) -> str:
    """Another one whenever people have done something: a start, a stop, a pause, a mute."""
    last = it.active or it.last
    word = _SAME_TURN.get(shown.word, shown.word)
    facts = f"{word} {last.id if last else ''} {shown.muted}"
    return hashlib.blake2s(facts.encode(), digest_size=6).hexdigest()


def _health(it: Reading, shown: panel.PanelState) -> say.Health:
    status = it.status
    trouble = it.trouble or (str(status["spool"]["trouble"]) if status else "")
    return say.Health(
        version=str(status.get("version", __version__)) if status else __version__,
        agent=not any(each.key == "agent.down" for each in shown.problems),
        clock=it.now.trust,
        space_hours=shown.space.hours,
        free_bytes=_coarse(shown.space.free_bytes),
        trouble=trouble[:MOST_DETAIL],
    )


def _coarse(size: int) -> int:
    """Two figures: a recording shall not change it each minute."""
    step = cast(int, 10 ** max(0, len(str(size)) - 2))
    return size // step * step


def _event(it: Event) -> say.Event:
    return say.Event(
        id=it.id,
        at=it.utc,
        kind=it.kind,
        text=it.text[: 2 * MOST_DETAIL],
        lecture=it.lecture,
        track=it.track,
    )
