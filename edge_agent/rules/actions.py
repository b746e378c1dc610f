"""What a plan can consist of. Each action names one effect; the supervisor performs it thinly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edge_agent.rules.booking_actions import Adopt as Adopt
from edge_agent.rules.booking_actions import BeginBooked as BeginBooked
from edge_agent.rules.booking_actions import MoveEnd as MoveEnd
from edge_agent.rules.booking_actions import NoteBooking as NoteBooking
from edge_agent.rules.booking_actions import TakeWords as TakeWords
from edge_agent.rules.health import Pressure


@dataclass(frozen=True, slots=True)
class StartRecorder:
    track: str


@dataclass(frozen=True, slots=True)
class Press:
    """End a recorder: ask (quit), insist (SIGTERM) or kill (SIGKILL)."""

    track: str
    pressure: Pressure
    why: str


@dataclass(frozen=True, slots=True)
class RecordTrack:
    track: str
    lecture: str


@dataclass(frozen=True, slots=True)
class FinishTrack:
    track: str
    lecture: str


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A track of the lecture under way is not being recorded; say so, with the cause.

    Without `cause`: why its recorder ended.
    """

    lecture: str
    track: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Begin:
    command: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the lecture under way, by command or (None) for the reason `why`."""

    command: int | None
    lecture: str
    why: str = "its planned end has come"


@dataclass(frozen=True, slots=True)
class Pause:
    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class Resume:
    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class Extend:
    """Move the planned end of the lecture under way later."""

    command: int
    lecture: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Continue:
    """Take the stop of a lecture back."""

    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Change what a lecture says about itself."""

    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class SetCaptions:
    """Put captions to a lecture, or (not `on`) take them away."""

    command: int
    lecture: str
    on: bool


@dataclass(frozen=True, slots=True)
class AddMark:
    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class SetMute:
    """Mute or unmute the room; `lecture` is the one under way, if any."""

    command: int
    on: bool
    lecture: str | None


@dataclass(frozen=True, slots=True)
class Withhold:
    """People want a lecture to stay here, or (not `on`) to be sent after all."""

    command: int
    lecture: str
    on: bool


@dataclass(frozen=True, slots=True)
class Retry:
    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Put a lecture into the bin."""

    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Take a lecture out of the bin."""

    command: int
    lecture: str


@dataclass(frozen=True, slots=True)
class DateDeleted:
    """The clock is sure now: the time of a lecture in the bin begins."""

    lecture: str


@dataclass(frozen=True, slots=True)
class Purge:
    """A lecture leaves this PC, by command or (None) because its time in the bin is over."""

    command: int | None
    lecture: str


@dataclass(frozen=True, slots=True)
class RemoveFiles:
    """The files of a lecture that has been purged."""

    lecture: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer a command with an error; `exit` is the CLI's exit code."""

    command: int
    code: str
    message: str
    hint: str
    exit: int


@dataclass(frozen=True, slots=True)
class StartFinisher:
    lecture: str


@dataclass(frozen=True, slots=True)
class KillFinisher:
    """`wanted`: its package is not wanted any more, so that it has not failed."""

    lecture: str
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """From now on it may be sent, and can go on no more."""

    lecture: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A held package is not there any more: build it again."""

    lecture: str


@dataclass(frozen=True, slots=True)
class MarkDelivered:
    lecture: str


@dataclass(frozen=True, slots=True)
class DropSegments:
    """The package holds every packet: its segments may go."""

    lecture: str


Action: TypeAlias = (
    StartRecorder
    | Press
    | RecordTrack
    | FinishTrack
    | OpenGap
    | Begin
    | BeginBooked
    | Adopt
    | MoveEnd
    | TakeWords
    | NoteBooking
    | Stop
    | Pause
    | Resume
    | Extend
    | Continue
    | Edit
    | SetCaptions
    | AddMark
    | SetMute
    | Withhold
    | Retry
    | Delete
    | Restore
    | DateDeleted
    | Purge
    | RemoveFiles
    | Refuse
    | StartFinisher
    | KillFinisher
    | Release
    | Rebuild
    | MarkDelivered
    | DropSegments
)
