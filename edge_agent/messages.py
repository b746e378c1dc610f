"""What the processes say to each other: one JSON object per line, typed by Pydantic.

Between supervisor and recorder: commands on stdin, reports on a private pipe. What the finisher
hears and says is in `edge_agent.finish_messages`. Nothing here touches a file or a clock.

Times named ``*_ns`` are integers in nanoseconds. *Lecture time* counts from the lecture's epoch
(see `edge_agent.rules.timeline`); *monotonic* is CLOCK_MONOTONIC of this boot.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge_agent.rules.pictures import DARK

Media = Literal["video", "audio"]
T = TypeVar("T")


class Message(BaseModel):
    """A line on a pipe. Unknown fields are errors: both ends are of the same version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def line(self) -> bytes:
        """The message as one JSON line, newline included."""
        return self.model_dump_json().encode() + b"\n"


class BadMessage(Exception):
    """A line that is not a message; carries the reason and the line's beginning."""


# ---------------------------------------------------------------- supervisor -> recorder


class RecorderSpec(Message):
    """The first line a recorder gets: its device, how to encode it, where its preview goes."""

    track: str
    media: Media
    kind: str
    device: str = ""
    #: Which device the lecture under way has recorded so far: no other in its place.
    identity: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None
    format: str | None = None
    options: dict[str, str] = {}
    #: What pictures are to be encoded to, if an encoder for it works.
    codec: str = "h264"
    crf: int = 23
    max_kbps: int | None = None
    #: Pictures that have not changed are not encoded again.
    still: bool = False
    channels: int = 1
    audio_kbps: int = 96
    #: JPEG, replaced about once a second while a camera is armed or recording.
    preview: str
    #: Held (flock) while the recorder lives, so that no second one touches its files.
    lock: str
    #: A picture below this level, of 255, is looked at again soon: the camera may be covered.
    dark: float = DARK
    #: Begin muted: nothing of what the device delivers is shown or recorded.
    muted: bool = False
    #: What the track shows; of no matter to the recorder itself.
    flavor: str = ""


class TryEncoders(Message):
    """The one line for the child that tries encoders: where their book is."""

    book: str
    codecs: list[str] = ["h264"]
    #: Of the pictures: hardware that takes 1080p may refuse what is larger, or be too slow for it.
    size: tuple[int, int] = (1920, 1080)
    #: Without it, only what the book says is told.
    may_try: bool = True


class Record(Message):
    """Record into `directory` from monotonic `start_mono_ns` on.

    `epoch_ns` is the monotonic time (of this boot) of lecture time zero; it is negative when the
    lecture began before this boot. `canvas` fixes the picture size for the lecture's whole track.
    """

    cmd: Literal["record"] = "record"
    lecture: str
    directory: str
    epoch_ns: int
    start_mono_ns: int
    canvas: tuple[int, int] | None = None
    #: Names of encoders for pictures, best first; each takes over from the one before it.
    encoders: list[str] = ["libx264"]
    #: How much work pictures may be: x264's preset, every second picture left out, a third of each
    #: side taken away.
    preset: str = "veryfast"
    sparse: bool = False
    small: bool = False


class Finish(Message):
    """Stop recording at monotonic `at_mono_ns` (close the segment) and go back to armed."""

    cmd: Literal["finish"] = "finish"
    at_mono_ns: int


class Quit(Message):
    """Finish what is being recorded, close the device, exit."""

    cmd: Literal["quit"] = "quit"


class Mute(Message):
    """Black pictures and zero samples from now on; with `on` false, until `at_mono_ns`.

    What was captured before that instant and still waits in a queue stays muted.
    """

    cmd: Literal["mute"] = "mute"
    on: bool
    at_mono_ns: int


RecorderCommand = Annotated[Record | Finish | Quit | Mute, Field(discriminator="cmd")]


# ---------------------------------------------------------------- recorder -> supervisor


class Opened(Message):
    """The device is open and the recorder is armed."""

    kind: Literal["opened"] = "opened"
    media: Media
    description: str
    identity: str
    width: int = 0
    height: int = 0
    fps: float = 0.0
    codec: str = ""
    encoder: str = ""


class Sound(Message):
    """What a microphone has heard since its recording began (before one: since it was opened)."""

    #: LUFS of the last 0.4 s, of the last 3 s, and of all; -70 is nothing.
    momentary: float
    short_term: float
    integrated: float
    #: The highest peak, dBTP; -120 is digital silence.
    true_peak: float
    #: Somebody speaks, or did a moment ago.
    speaking: bool
    speech_s: float
    heard_s: float
    #: A steady tone with few overtones: mains hum.
    tonal: bool
    #: Share of the samples of the last three seconds that were cut off.
    clipped: float
    #: How fast the card's clock is, in parts per million; None while unknown.
    drift_ppm: float | None


class Sight(Message):
    """What a picture is like: see `capture.vision.Sight`."""

    luma: float
    spread: float
    plain: float
    change: float | None


class Beat(Message):
    """Samples keep arriving. While recording it is sent after each durable fragment as well."""

    kind: Literal["beat"] = "beat"
    recording: str | None
    #: Lecture time up to which this track is on the disk, None before the first fragment.
    durable_ns: int | None = None
    dropped: int = 0
    #: How full the fuller of the two queues is, 0.0 to 1.0.
    backlog: float = 0.0
    #: Of a microphone.
    sound: Sound | None = None
    #: Something has moved in a camera's picture, or a slide has changed, since the beat before.
    moved: bool = False
    #: Of the preview, when there was one since the beat before.
    sight: Sight | None = None


class Level(Message):
    """Peak and RMS of the last 100 ms of sound in dBFS; -120 is digital silence."""

    kind: Literal["level"] = "level"
    peak: float
    rms: float


class Started(Message):
    """The first sample of a recording has reached the encoder."""

    kind: Literal["started"] = "started"
    lecture: str
    #: Lecture time of that sample, and the monotonic time at which it was handed over.
    first_ns: int
    at_mono_ns: int


class SegmentDone(Message):
    """A segment file is closed and durable under its final name."""

    kind: Literal["segment"] = "segment"
    lecture: str
    seq: int
    name: str
    bytes: int
    sha256: str
    start_ns: int
    end_ns: int
    packets: int


class EncoderFailed(Message):
    """An encoder has failed in a recording; the next one has taken over."""

    kind: Literal["encoder failed"] = "encoder failed"
    lecture: str
    name: str
    reason: str
    next: str


class Eased(Message):
    """The PC is too slow for this recording, or no more: what is given up now, and why."""

    kind: Literal["eased"] = "eased"
    lecture: str
    #: Empty when everything is recorded again.
    given_up: str
    why: str
    #: More is given up than before.
    more: bool


class Finished(Message):
    """Recording ended as asked; the recorder is armed again."""

    kind: Literal["finished"] = "finished"
    lecture: str
    end_ns: int | None


class Gone(Message):
    """The last word of a recorder that exits: why, and what people can do about it."""

    kind: Literal["gone"] = "gone"
    cause: str
    reason: str
    hint: str = ""


RecorderReport = Annotated[
    Opened | Beat | Level | Started | SegmentDone | EncoderFailed | Eased | Finished | Gone,
    Field(discriminator="kind"),
]


_commands: TypeAdapter[Record | Finish | Quit | Mute] = TypeAdapter(RecorderCommand)
_reports: TypeAdapter[
    Opened | Beat | Level | Started | SegmentDone | EncoderFailed | Eased | Finished | Gone
] = TypeAdapter(RecorderReport)


def parsed(adapter: TypeAdapter[T], line: bytes) -> T:
    """The message in a line; BadMessage if it is none of the adapter's."""
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "line"
        raise BadMessage(f"{where}: {first['msg']} in {line[:120]!r}") from None


def parse_command(line: bytes) -> Record | Finish | Quit | Mute:
    """A command to a recorder; BadMessage if it is none."""
    return parsed(_commands, line)


def parse_report(
    line: bytes,
) -> Opened | Beat | Level | Started | SegmentDone | EncoderFailed | Eased | Finished | Gone:
    """A recorder's report; BadMessage if it is none."""
    return parsed(_reports, line)
