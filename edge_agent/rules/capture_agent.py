"""What an Opencast is told of this room: the agent's state, and each event's. Pure.

After an outage every state that was missed is told, in its order: Opencast shows the metadata of
events without one wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edge_agent.rules.lecture import State


class AgentState(StrEnum):
    """Opencast's words for an agent. There is room for one at a time."""

    IDLE = "idle"
    CAPTURING = "capturing"
    UPLOADING = "uploading"
    ERROR = "error"


class RecordingState(StrEnum):
    """Opencast's words for what becomes of a scheduled event."""

    CAPTURING = "capturing"
    CAPTURE_FINISHED = "capture_finished"
    CAPTURE_ERROR = "capture_error"
    UPLOADING = "uploading"
    UPLOAD_FINISHED = "upload_finished"


_CAPTURING = (RecordingState.CAPTURING,)
_CAPTURED = (*_CAPTURING, RecordingState.CAPTURE_FINISHED)
_FAILED = (*_CAPTURING, RecordingState.CAPTURE_ERROR)
_WAY: Mapping[State | None, tuple[RecordingState, ...]] = {
    State.RECORDING: _CAPTURING,
    State.PAUSED: _CAPTURING,
    State.FINISHING: _CAPTURED,
    State.PACKAGED: _CAPTURED,
    State.DELIVERED: _CAPTURED,
    State.PURGED: _CAPTURED,
    State.FAILED: _FAILED,
}
#: Phases of a track that can record.
_READY = ("armed", "recording", "finishing")


@dataclass(frozen=True, slots=True)
class Booked:
    """A lecture whose booking is an event of that Opencast; `state` None: there is none."""

    event: str
    state: State | None
    #: The booking is over, and nothing of it was recorded.
    missed: bool = False
    #: Its files are on their way to that Opencast, or all there.
    sending: bool = False
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The room as it is."""

    #: The agent lives, and what it says of its tracks: phase and flavor by name.
    alive: bool = False
    phases: Mapping[str, str] = field(default_factory=dict)
    flavors: Mapping[str, str] = field(default_factory=dict)
    recording: bool = False
    booked: tuple[Booked, ...] = ()


def agent_state(it: Seen) -> AgentState:
    """What matters most of what is true: that nothing can be recorded, or that something is."""
    if not it.alive or not any(phase in _READY for phase in it.phases.values()):
        return AgentState.ERROR
    if it.recording:
        return AgentState.CAPTURING
    uploading = any(each.sending and not each.sent for each in it.booked)
    return AgentState.UPLOADING if uploading else AgentState.IDLE


def way(it: Booked) -> tuple[RecordingState, ...]:
    """All states that an event has gone through by now."""
    if it.state is None:
        return (RecordingState.CAPTURE_ERROR,) if it.missed else ()
    states = _WAY.get(it.state, ())
    if states == _CAPTURED and (it.sending or it.sent):
        states = (*states, RecordingState.UPLOADING)
    return (*states, RecordingState.UPLOAD_FINISHED) if it.sent and states else states


def untold(it: Booked, told: str) -> tuple[RecordingState, ...]:
    """What is still to be told, in order. `told`: the last state that Opencast has heard."""
    states = way(it)
    names = [str(state) for state in states]
    if told not in names:
        return states
    return states[names.index(told) + 1 :]


def over(told: str) -> bool:
    """Nothing more comes of it."""
    return told == RecordingState.UPLOAD_FINISHED


def event_of(booking: str, calendar: str) -> str:
    """The event's id out of a booking's key; "": the booking is not of this calendar.

    A key names calendar, UID and moment; of an agent's calendar the UID is the event's id.
    """
    name, _, rest = booking.partition(":")
    event = rest.rpartition("|")[0]
    return event if name == calendar and not event.startswith("sha256-") else ""
