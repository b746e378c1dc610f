"""What goes over HTTP and the WebSocket besides the state: commands, errors, messages. Pure.

`docs/panel-api.md` says what each is for; `/api/v1/schema` gives all of it as JSON Schema.
"""

from __future__ import annotations

import struct
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from edge_agent.panel.state import Details, PanelState, Role, Wire

#: A title of ten megabytes is no title.
Text = Annotated[str, StringConstraints(max_length=300)]
LanguageTag = Annotated[
    str, StringConstraints(max_length=35, pattern=r"^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$")
]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
LectureId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]

# ---------------------------------------------------------------- HTTP


class Fault(Wire):
    """Why a request failed, in English for logs; the browser shows its own words for the code."""

    code: str
    message: str
    hint: str = ""
    #: The same request may succeed a moment later.
    retryable: bool = False


class Failed(Wire):
    """The body of every answer that is not 2xx."""

    error: Fault


class Nothing(Wire):
    """No arguments."""


class Start(Wire):
    """Begin a lecture; what is not given comes from the room's details."""

    title: Text | None = None
    course: Text | None = None
    lecturer: Text | None = None
    language: LanguageTag | None = None
    licence: Text | None = None


class Edit(Start):
    """Change what is given: of `lecture`, or (None) of the next one."""

    lecture: LectureId | None = None


class Extend(Wire):
    """Move the planned end later."""

    minutes: int = Field(default=10, ge=1, le=240)


class Mark(Wire):
    text: Text = ""


class Continue(Wire):
    """Go on with the lecture that was stopped."""

    lecture: LectureId


class Named(Wire):
    """This lecture: `withhold` keeps it on this computer, `publish` lets it be sent after all;
    `delete` puts a test recording into the bin, `restore` takes it out again."""

    lecture: LectureId


COMMANDS: dict[str, type[Wire]] = {
    "start": Start,
    "stop": Nothing,
    "pause": Nothing,
    "resume": Nothing,
    "mute": Nothing,
    "unmute": Nothing,
    "extend": Extend,
    "mark": Mark,
    "continue": Continue,
    "edit": Edit,
    "withhold": Named,
    "publish": Named,
    "test": Nothing,
    "delete": Named,
    "restore": Named,
}
#: Of the IT page.
FOR_IT = frozenset({"test", "delete", "restore"})
#: Refused when the room has changed since `base`. The others cannot mean anything else by then.
TURN_SENSITIVE = frozenset({"start", "test", "stop", "pause", "resume", "extend", "continue"})


class Press(Wire):
    """The body of POST /api/v1/commands/{name}."""

    #: The same key again gets the same answer and does nothing.
    key: Key
    #: `PanelState.rev` of what the person saw.
    base: int = Field(ge=0)
    args: dict[str, Any] = Field(default_factory=dict)


class Pressed(Wire):
    """The command was carried out."""

    lecture: str | None = None
    #: Something to show besides: the space may not last.
    warning: str = ""


class SignIn(Wire):
    """One of the two."""

    pin: Annotated[str, StringConstraints(max_length=64)] | None = None
    code: Annotated[str, StringConstraints(max_length=64)] | None = None


class Access(Wire):
    role: Role
    #: Where a PIN gives more.
    pin_set: bool = False


class Pair(Wire):
    role: Literal["view", "control", "it"] = "control"


class Pairing(Wire):
    """A way in for one tablet, once."""

    url: str
    #: The same as a QR code.
    svg: str
    expires_s: int


class Course(Wire):
    """One of the room's recent courses."""

    details: Details
    last_utc: str


class Courses(Wire):
    courses: list[Course]


class ItTrack(Wire):
    """A track as IT wants to see it."""

    track: str
    kind: str
    device: str
    phase: str
    description: str
    size: str
    fps: float
    encoder: str
    dropped: int
    backlog_percent: int
    restarts: int
    given_up: str
    warning: str
    reason: str
    hint: str
    peak_dbfs: float | None
    mean_dbfs: float | None
    loudness_lufs: float | None
    drift_ppm: float | None


class ItEvent(Wire):
    utc: str
    kind: str
    text: str
    track: str = ""


class ItTest(Wire):
    """A test recording; one that was deleted can be taken back while it is in the bin."""

    lecture: str
    started_utc: str
    length_s: int | None
    binned: bool


class ItPage(Wire):
    """GET /api/v1/it"""

    version: str
    tracks: list[ItTrack]
    free_bytes: int
    total_bytes: int
    hours: float
    trouble: str
    clock: str
    waiting_files: int
    waiting_bytes: int
    upload_errors: list[str]
    upload_running: bool
    addresses: list[str]
    devices: list[str]
    tests: list[ItTest]
    events: list[ItEvent]


class Checked(Wire):
    """One finding of the doctor, in English; `fix` is the next step."""

    check: str
    state: Literal["ok", "note", "wrong"]
    message: str
    fix: str = ""


class Checks(Wire):
    """POST /api/v1/checks"""

    findings: list[Checked]


# ---------------------------------------------------------------- WebSocket: server to browser


class Snapshot(Wire):
    type: Literal["snapshot"] = "snapshot"
    ms: int
    role: Role
    state: PanelState


class Patch(Wire):
    """`changes` replaces whole top-level fields of the state; it fits on revision `rev` - 1."""

    type: Literal["patch"] = "patch"
    ms: int
    rev: int
    changes: dict[str, Any]


class Beat(Wire):
    """Every two seconds."""

    type: Literal["beat"] = "beat"
    ms: int
    utc: str
    #: Minutes to add to UTC for the room's local time.
    offset_min: int


# ---------------------------------------------------------------- WebSocket: browser to server


class WantSnapshot(Wire):
    type: Literal["snapshot"]


class WantPreviews(Wire):
    """At most so many pictures a second from each source; 0 is none. Begins with 0."""

    type: Literal["previews"]
    fps: float = Field(ge=0, le=5)


class Seen(Wire):
    """The preview frame with this source has been shown: the next one may come."""

    type: Literal["seen"]
    source: int = Field(ge=0, le=255)


class Alive(Wire):
    type: Literal["beat"]


FromBrowser = Annotated[WantSnapshot | WantPreviews | Seen | Alive, Field(discriminator="type")]
from_browser: TypeAdapter[WantSnapshot | WantPreviews | Seen | Alive] = TypeAdapter(FromBrowser)

#: Close codes of the WebSocket.
BAD_MESSAGE, NOT_ALLOWED, FOREIGN, TOO_SILENT, TOO_MANY = 4400, 4401, 4403, 4408, 4429

# ---------------------------------------------------------------- binary frames

PREVIEW, LEVEL = 1, 2
_HEAD = struct.Struct("!BBI")
_LEVEL = struct.Struct("!hh")


def preview_frame(source: int, ms: int, jpeg: bytes) -> bytes:
    """u8 kind = 1, u8 source, u32 ms, then the JPEG."""
    return _HEAD.pack(PREVIEW, source, ms & 0xFFFFFFFF) + jpeg


def level_frame(source: int, ms: int, peak: float, rms: float) -> bytes:
    """u8 kind = 2, u8 source, u32 ms, i16 peak, i16 rms in hundredths of dBFS."""
    head = _HEAD.pack(LEVEL, source, ms & 0xFFFFFFFF)
    return head + _LEVEL.pack(*(round(max(-120.0, min(0.0, it)) * 100) for it in (peak, rms)))
