"""The queue as lecturers see it: when, how long, and whether it has arrived. Pure."""

from __future__ import annotations

from edge_agent.panel.reading import Journey, Reading
from edge_agent.panel.state import Arrival, Queue, QueueLine
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.timeline import SECOND, START_NS

#: Not shown in the queue: under way, or never begun.
_HIDDEN = ACTIVE | {State.PLANNED, State.MISSED}


def queue_of(it: Reading) -> Queue:
    """The last lectures, and what is on its way now."""
    sending = (it.upload or {}).get("sending") or {}
    lines = [_line(each, sending) for each in it.journeys if not _hidden(each.lecture)]
    percents = [line.percent for line in lines if line.arrival == "sending"]
    leave = ((it.upload or {}).get("leave") or {}).get("full_quality") or {}
    return Queue(
        waiting=sum(line.arrival in ("waiting", "sending") for line in lines),
        sending_percent=percents[0] if percents else None,
        help=sum(line.arrival == "help" for line in lines),
        next_utc=leave.get("until") if leave.get("waits") else None,
        lectures=lines,
    )


def _hidden(lecture: Lecture) -> bool:
    """What was thrown away before it had arrived has a reason, and was never sent."""
    given_up = lecture.state is State.PURGED and lecture.reason != ""
    return lecture.state in _HIDDEN or given_up


def _line(it: Journey, sending: dict[str, object]) -> QueueLine:
    lecture = it.lecture
    arrival: Arrival = "waiting"
    if lecture.state is State.FAILED:
        arrival = "help"
    elif lecture.withheld:
        arrival = "kept"
    elif lecture.state in (State.DELIVERED, State.PURGED):
        arrival = "sent"
    elif sending.get("lecture") == lecture.id:
        arrival = "sending"
    on_way = sending.get("done") if arrival == "sending" else 0
    done = it.arrived + (on_way if isinstance(on_way, int) else 0)
    return QueueLine(
        id=lecture.id,
        title=lecture.title,
        course=lecture.course,
        lecturer=lecture.lecturer,
        language=lecture.language,
        licence=lecture.licence,
        started_utc=lecture.started_utc,
        length_s=length_s(lecture),
        arrival=arrival,
        percent=min(99, 100 * done // it.bytes) if arrival == "sending" and it.bytes else 0,
        reason=lecture.reason or it.error,
        keepable=keepable(it),
        editable=lecture.state is not State.PURGED,
    )


def length_s(lecture: Lecture) -> int | None:
    """Seconds of it; None while nobody knows."""
    found = lecture.duration_s
    if found is None and lecture.end_ns is not None:
        found = (lecture.end_ns - START_NS) / SECOND
    return None if found is None else max(0, round(found))


def keepable(it: Journey) -> bool:
    """As far as is known here; the agent looks again."""
    here = (State.FINISHING, State.FAILED, State.HELD, State.PACKAGED)
    return it.lecture.state in here and not it.arrived
