"""What the panel shows, as JSON: facts with keys; words are the browser's. Pure.

`docs/panel-api.md` tells how it travels. Times `*_ms` are of the server's monotonic clock, which
every message tells; times `*_utc` are RFC 3339. Revisions count what was sent, from one on, and
begin anew with the panel process.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

#: The one word for what the room does. Losing contact is a state of the browser's own.
Word = Literal[
    "not_ready", "ready", "starting", "start_failed", "recording", "paused", "saving", "saved"
]
#: Who looks: the pictures and the state; the buttons as well; the page for IT as well.
Role = Literal["none", "view", "control", "it"]

MicState = Literal[
    "none",  # no microphone, or its recorder is down: "No microphone"
    "starting",  # it is being opened
    "muted",  # the room is muted
    "say",  # nobody has spoken yet: "Say something"
    "ok",  # "We hear you"
    "quiet",  # a voice, but too faint
    "loud",  # cut off
    "cable",  # hums
    "silent",  # delivers nothing at all, or nobody has been heard while a lecture goes on
]
SourceState = Literal["starting", "ok", "recording", "lost", "muted"]
#: What a track shows; "room" is a further microphone.
SourceRole = Literal["camera", "slides", "microphone", "room"]
Severity = Literal["notice", "warning", "critical"]
ProblemKey = Literal[
    "agent.down",  # the agent does not run or does not answer
    "start.failed",  # Start was pressed and nothing came onto the disk
    "room.empty",  # no camera and no microphone at all
    "mic.none",
    "mic.silent",
    "mic.quiet",
    "mic.loud",
    "mic.cable",
    "mic.unheard",  # nobody can be heard, and a lecture goes on
    "cam.none",
    "cam.covered",
    "cam.frozen",
    "slides.none",
    "space.low",  # less than half an hour: params.minutes
    "space.full",  # nothing can be recorded
    "disk.trouble",  # the disk refuses: params.detail (IT only)
    "power.battery",  # the computer runs on its battery
    "computer.busy",  # something is given up: params.detail (IT only)
    "clock.unsure",  # IT only
]
Arrival = Literal[
    "waiting",
    "sending",
    "sent",
    "help",
    "kept",  # people have said that it shall not be sent
]


class Wire(BaseModel):
    """A piece of JSON between server and browser. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Room(Wire):
    """What stays the same while the panel process lives."""

    name: str
    institution: str = ""
    #: The languages offered, and the one to fall back to after each lecture.
    languages: list[str] = ["en"]
    language: str = "en"
    digits: Literal["latin", "native"] = "latin"
    phone: str = ""
    help_text: str = ""
    help_url: str = ""
    #: What "paused" means here: nothing is written.
    pause: Literal["cut"] = "cut"


class Timer(Wire):
    """Seconds that run: `ms` was right at `at_ms`; while `running`, add what has passed since."""

    ms: int = 0
    at_ms: int = 0
    running: bool = False


class Lecture(Wire):
    """The lecture under way, or the one that was just stopped and may go on."""

    id: str
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""
    started_utc: str
    #: Its planned end, if one was set; the agent's own limit is not shown.
    until_utc: str | None = None
    #: The same, by the server's monotonic clock.
    until_ms: int | None = None


class Details(Wire):
    """What the next lecture will say about itself unless somebody changes it."""

    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""


class Microphone(Wire):
    """The main microphone's verdict; its level comes ten times a second beside the state."""

    state: MicState = "none"
    source: int | None = None
    speaking: bool = False


class Source(Wire):
    """A track of the room. `number` names it in binary frames, for as long as the process lives."""

    number: int
    track: str
    media: Literal["video", "audio"]
    role: SourceRole
    state: SourceState
    #: Previews come for it.
    preview: bool = False
    #: Seconds of the lecture under way that are on the disk, whole ones.
    durable_s: int | None = None
    #: What the device calls itself, and (IT) why it is lost, with what to do.
    description: str = ""
    reason: str = ""
    hint: str = ""


class Problem(Wire):
    """What is wrong, worst first. `numbers` go into the sentence."""

    key: ProblemKey
    severity: Severity
    source: int | None = None
    numbers: dict[str, int] = {}
    #: For IT, in English.
    detail: str = ""


class Saved(Wire):
    """The lecture that was just stopped."""

    lecture: str
    title: str = ""
    length_s: int = 0
    #: Until then it can be continued (None: not any more).
    continue_until_ms: int | None = None
    #: Ten seconds of it can be heard at /api/v1/lectures/{lecture}/listen.
    listen: bool = False
    #: It stays on this computer until people say otherwise; and whether they still can say so.
    kept: bool = False
    keepable: bool = False
    #: A test recording of the page for IT staff.
    test: bool = False


class Space(Wire):
    """Room on the disk, in hours of this room's tracks."""

    hours: float = 0.0
    free_bytes: int = 0


class QueueLine(Wire):
    """One of the room's last lectures."""

    id: str
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""
    started_utc: str
    length_s: int | None = None
    arrival: Arrival
    #: Of its bytes, 0 to 100; with "sending" only.
    percent: int = 0
    #: Why it needs help (IT, English).
    reason: str = ""
    #: Nothing of it has arrived anywhere: it can be kept here.
    keepable: bool = False
    #: What it says about itself can be changed.
    editable: bool = True


class Queue(Wire):
    """What waits to be sent, and the last lectures, newest first."""

    waiting: int = 0
    sending_percent: int | None = None
    help: int = 0
    #: When sending is allowed again, if it is not allowed now.
    next_utc: str | None = None
    lectures: list[QueueLine] = []


class Booking(Wire):
    """What the timetable says of now or next."""

    title: str = ""
    lecturer: str = ""
    course: str = ""
    starts_utc: str
    ends_utc: str


class Ask(Wire):
    """A question that the room asks by itself; never blocks anything."""

    kind: Literal["late_start", "pause_talking", "ending", "stopping", "overtime"]
    #: "stopping": when it stops if nobody answers, and whether nobody has spoken for a while.
    at_ms: int | None = None
    quiet: bool = True


class PanelState(Wire):
    """The whole panel."""

    rev: int = 0
    #: The revision at which word, lecture or mute last changed. A press that was based on an older
    #: picture than that is refused as stale.
    turn: int = 0
    room: Room
    word: Word
    #: Of the recording, pauses left out.
    timer: Timer = Timer()
    #: Since the pause began.
    pause_timer: Timer | None = None
    lecture: Lecture | None = None
    details: Details = Details()
    muted: bool = False
    mic: Microphone = Microphone()
    sources: list[Source] = []
    problems: list[Problem] = []
    ask: Ask | None = None
    #: How far the finishing is, 0 to 100.
    saving_percent: int = 0
    saved: Saved | None = None
    space: Space = Space()
    queue: Queue = Queue()
    booking: Booking | None = None
    clock_ok: bool = True
    #: An IT page can be opened with a PIN.
    pin_set: bool = False
