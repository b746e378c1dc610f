"""The ledger's rows as frozen records. Times `*_ns` are lecture time unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge_agent.row_reading import Row, arguments, json_object
from edge_agent.rules.lecture import State
from edge_agent.rules.moments import UNKNOWN


@dataclass(frozen=True, slots=True)
class Lecture(Row):
    id: str
    state: State
    started_utc: str
    clock_trust: str
    #: Monotonic time of lecture time zero, in the boot `epoch_boot`.
    epoch_boot: str
    epoch_ns: int
    title: str = ""
    course: str = ""
    lecturer: str = ""
    language: str = ""
    licence: str = ""
    room: str = ""
    reason: str = ""
    ended_utc: str | None = None
    #: Planned end; the lecture is resumed after an interruption until then.
    until_utc: str | None = None
    #: The same as lecture time: a clock that is set meanwhile cannot move it.
    until_ns: int | None = None
    end_ns: int | None = None
    duration_s: float | None = None
    attempts: int = 0
    #: The press of the button: monotonic time of the boot `started_boot`; "" when not known.
    started_boot: str = ""
    started_mono_ns: int = 0
    #: How far the clock was trusted at the end, and whether the start was mended by then.
    end_trust: str = ""
    start_corrected: int = 0
    #: Small versions: "" not asked for, "wanted", "made" or "failed".
    renditions: str = ""
    #: When the package was made: monotonic time of the boot `packaged_boot`.
    packaged_boot: str = ""
    packaged_ns: int = 0
    #: When it was told to end, and how long it waits from then on for its stop to be taken back.
    stopped_ns: int | None = None
    patience_ns: int = 0
    #: The key of its booking, with that one's start and the end last taken over; "": it has none.
    booking: str = ""
    booked_from_utc: str | None = None
    booked_until_utc: str | None = None
    #: JSON: which of its words nobody has typed, as they were when they were taken over.
    booked_words: str = ""
    #: People have said that it shall not be sent.
    withheld: int = 0
    #: How often its details were changed, and how many of these changes its package has.
    edits: int = 0
    edits_done: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))

    def lecture_ns(self, mono_ns: int) -> int:
        """Lecture time of a monotonic time of the boot `epoch_boot`."""
        return mono_ns - self.epoch_ns

    def waits(self, mono_ns: int, boot: str) -> bool:
        """It has been stopped, and may still go on: nothing of it is sent."""
        if self.stopped_ns is None or boot != self.epoch_boot:
            return False
        return self.lecture_ns(mono_ns) < self.stopped_ns + self.patience_ns


@dataclass(frozen=True, slots=True)
class BookingRow(Row):
    """What became of a booking; `outcome` is one of `rules.bookings.Outcome`."""

    key: str
    #: As they were then: a booking may be moved.
    starts_utc: str
    ends_utc: str
    outcome: str
    title: str = ""
    reason: str = ""
    lecture: str = ""


@dataclass(frozen=True, slots=True)
class Track(Row):
    lecture: str
    name: str
    flavor: str
    media: str
    device: str = ""
    width: int = 0
    height: int = 0
    #: A microphone's: integrated loudness, highest true peak, share of speech, error of its clock.
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    speech_ratio: float | None = None
    drift_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class Segment(Row):
    lecture: str
    track: str
    seq: int
    name: str
    bytes: int
    sha256: str
    start_ns: int
    end_ns: int
    packets: int
    recovered: int = 0


@dataclass(frozen=True, slots=True)
class Gap(Row):
    id: int
    lecture: str
    track: str | None
    start_ns: int
    end_ns: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Mute(Row):
    """A stretch of a lecture in which the room was muted; `end_ns` None: until its end."""

    id: int
    lecture: str
    start_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class WarningRow(Row):
    """What was wrong with a track that was being recorded; `end_ns` None: until its end."""

    id: int
    lecture: str
    track: str
    start_ns: int
    end_ns: int | None
    what: str


@dataclass(frozen=True, slots=True)
class MarkRow(Row):
    id: int
    lecture: str
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class Event(Row):
    id: int
    utc: str
    boot: str
    mono_ns: int
    lecture: str | None
    track: str | None
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Command(Row):
    """A command in the inbox. `expires_ns` is monotonic time of the boot `boot`."""

    id: int
    key: str
    verb: str
    origin: str
    boot: str
    expires_ns: int
    issued_utc: str
    state: str
    args: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", arguments(self.args))
        object.__setattr__(self, "answer", json_object(self.answer) if self.answer else None)


@dataclass(frozen=True, slots=True)
class OutboxRow(Row):
    lecture: str
    name: str
    destination: str
    bytes: int
    sha256: str
    media_type: str
    priority: int
    attempts: int
    last_error: str
    receipt: Mapping[str, Any] | None
    delivered_utc: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "receipt", json_object(self.receipt) if self.receipt else None)

    def key(self) -> dict[str, str]:
        return {"lecture": self.lecture, "destination": self.destination, "name": self.name}

    def version(self) -> dict[str, str]:
        """This content of the file: a new revision of the package may have replaced it."""
        return self.key() | {"sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class UploadOrder(Row):
    """What people ordered of the upload; see `edge_agent.upload_orders` for the verbs."""

    id: int
    verb: str
    lecture: str
    #: Bytes per second; None: no limit.
    rate: int | None
    #: The same end by both clocks, of which the monotonic one counts in the boot `boot`.
    until_utc: str | None
    boot: str
    until_ns: int | None
    issued_utc: str
    origin: str


@dataclass(frozen=True, slots=True)
class Traffic(Row):
    """One local hour of one destination; day "" and hour -1: before the clock was set."""

    day: str
    hour: int
    destination: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ForecastRow(Row):
    """When a lecture was first expected to be watchable or whole, and when it was."""

    lecture: str
    destination: str
    stage: str
    made_utc: str
    expected_utc: str
    arrived_utc: str | None


@dataclass(frozen=True, slots=True)
class BinRow(Row):
    """A lecture in the bin: when it was put there, and how far the clock was trusted then."""

    lecture: str
    deleted_utc: str
    trust: str

    def __post_init__(self) -> None:
        if self.deleted_utc == UNKNOWN:  # its time in the bin begins when the clock is sure
            object.__setattr__(self, "trust", "")

    @property
    def deleted(self) -> datetime:
        return datetime.fromisoformat(self.deleted_utc)
