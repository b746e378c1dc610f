"""What goes over MQTT, as Pydantic models: the room's state out, commands in, answers out. Pure.

`docs/asyncapi.json` and the schemas beside it are generated from here. A new field may appear
within version 1; a meaning does not change. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from edge_agent.rules.alerts import Alert

#: A room is called offline when it has been gone for so long; the broker notices that it is gone
#: after one and a half keep-alives.
WILL_DELAY_S = 30
#: Nobody waits longer for an answer.
ANSWER_EXPIRY_S = 60

Word = Literal[
    "not_ready", "ready", "starting", "start_failed", "recording", "paused", "saving", "saved"
]
Severity = Literal["notice", "warning", "critical"]
Text = Annotated[str, StringConstraints(max_length=300)]
LanguageTag = Annotated[
    str, StringConstraints(max_length=35, pattern=r"^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$")
]
#: New for each command. It becomes a level of a topic.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
LectureId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]


class Wire(BaseModel):
    """A message, or a piece of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- what the room tells


class Lecture(Wire):
    """The lecture under way, or the one that was just stopped and may go on."""

    id: str
    title: str = ""
    course: str = ""
    lecturer: str = ""
    started_utc: str
    until_utc: str | None = None


class Booking(Wire):
    """The booking whose time it is, and of which nothing is recorded."""

    title: str = ""
    starts_utc: str
    ends_utc: str
    #: Why it has not begun, if that is known.
    reason: str = ""


class Track(Wire):
    """A camera, a screen, a microphone."""

    name: str
    role: Literal["camera", "slides", "microphone", "room"]
    state: Literal["starting", "ok", "recording", "lost", "muted"]


class Problem(Wire):
    """What is wrong; the keys are those of the control panel."""

    key: str
    severity: Severity
    track: str = ""
    detail: str = ""


class State(Wire):
    """What the room does. "recording" is said only of what is on the disk."""

    v: Literal[1] = 1
    #: When this was sent.
    at: str = ""
    room: str = ""
    word: Word
    lecture: Lecture | None = None
    booking: Booking | None = None
    #: Seconds recorded at `at`, pauses left out; while `running`, add what has passed since.
    recorded_s: int = 0
    running: bool = False
    muted: bool = False
    #: The main microphone's verdict.
    mic: str = "none"
    tracks: list[Track] = []
    problems: list[Problem] = []
    alerts: list[Alert] = []
    #: Changes with word, lecture and mute. A command may name the turn that it was meant for.
    turn: str = ""


class Health(Wire):
    """How the PC is; sent when it changes, and as a sparse sign of life."""

    v: Literal[1] = 1
    at: str = ""
    version: str = ""
    #: The recording agent runs.
    agent: bool = False
    #: "synchronised", "plausible" or "unset".
    clock: str = ""
    #: How long the space on the disk lasts for this room's tracks.
    space_hours: float = 0.0
    free_bytes: int = 0
    #: The disk or the ledger refuses: why.
    trouble: str = ""
    #: Commands refused since this process began, by code.
    refused: dict[str, int] = {}


class Queue(Wire):
    """What waits to be sent."""

    v: Literal[1] = 1
    at: str = ""
    waiting: int = 0
    sending: bool = False
    #: Lectures that need people.
    help: int = 0
    #: When sending is allowed again, if it is not allowed now.
    next_utc: str | None = None


class Event(Wire):
    """Something that has happened; each once, in their order."""

    v: Literal[1] = 1
    id: int
    at: str
    kind: str
    text: str
    lecture: str | None = None
    track: str | None = None


# ---------------------------------------------------------------- commands


class Command(Wire):
    """The payload of `cmd/{verb}`."""

    v: Literal[1] = 1
    #: The same id again gets the same answer and does nothing.
    id: Id
    #: When it was given. Needed where the message has no expiry (MQTT 3.1.1, Home Assistant).
    at: AwareDatetime | None = None
    #: Who gives it. Of one sender's commands that change the recording, an older one never
    #: follows a newer one.
    by: Annotated[str, StringConstraints(max_length=64)] = ""
    #: `State.turn` of what the sender saw: refused when the room has turned since.
    turn: Annotated[str, StringConstraints(max_length=32)] | None = None
    args: dict[str, Any] = {}


class Nothing(Wire):
    """No arguments."""


class Start(Wire):
    """Begin a lecture; what is not given comes from the configuration."""

    title: Text | None = None
    course: Text | None = None
    lecturer: Text | None = None
    language: LanguageTag | None = None
    licence: Text | None = None
    #: Its planned end.
    until_utc: AwareDatetime | None = None


class Extend(Wire):
    """Move the planned end later."""

    minutes: int = Field(default=10, ge=1, le=240)


class Mark(Wire):
    text: Text = ""


class Continue(Wire):
    """Go on with the lecture that was stopped."""

    lecture: LectureId


COMMANDS: dict[str, type[Wire]] = {
    "start": Start,
    "stop": Nothing,
    "pause": Nothing,
    "resume": Nothing,
    "continue": Continue,
    "extend": Extend,
    "mark": Mark,
    "mute": Nothing,
    "unmute": Nothing,
}
#: These change what is recorded: for them sequence and turn matter.
TURN_SENSITIVE = frozenset({"start", "stop", "pause", "resume", "continue", "extend"})


class Fault(Wire):
    """Why a command was refused."""

    code: str
    message: str
    hint: str = ""
    #: The same command under a new id may succeed a moment later.
    retryable: bool = False


class Answer(Wire):
    """What came of a command: carried out and stored, or refused."""

    v: Literal[1] = 1
    at: str = ""
    #: Of the command; empty when it had none that could be read.
    id: str = ""
    ok: bool
    lecture: str | None = None
    #: Something to show besides: the space may not last.
    warning: str = ""
    error: Fault | None = None
