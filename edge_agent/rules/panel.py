"""What the panel says the room does: one word, from facts. Pure.

"Recording" is said only of what is on the disk. The word needs a little memory: once a recording
was seen to run, the loss of one device does not make it "starting" again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_agent.rules import voices

SECOND = 1_000_000_000
#: A room that is armed has its first second on the disk after about one second.
START_NS = 8 * SECOND
#: Without an undo of its own (stopped elsewhere), a lecture counts as just saved for so long.
SAVED_NS = 120 * SECOND
#: A status that is older than this: the agent hangs.
STALE_NS = 5 * SECOND
#: Somebody talks in a pause: so much speech within so much time.
TALK_NS, TALK_WINDOW_NS = 20 * SECOND, 30 * SECOND
#: How long "We hear you" stands after the last word, before a lecture and within one.
HEARD_NS, HEARD_RECORDING_NS = 60 * SECOND, 300 * SECOND

READY, NOT_READY = "ready", "not_ready"
STARTING, START_FAILED, RECORDING, PAUSED = "starting", "start_failed", "recording", "paused"
SAVING, SAVED = "saving", "saved"


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """One track: can it record at all, and has it something of this recording on the disk?"""

    lost: bool
    durable: bool
    closing: bool = False


@dataclass(frozen=True, slots=True)
class StoppedFacts:
    """The lecture that was stopped last, if no other has begun since. Monotonic nanoseconds."""

    id: str
    stopped_ns: int
    patience_ns: int
    packaged: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class RoomFacts:
    now_ns: int
    #: The agent lives and its status is fresh.
    alive: bool
    #: "recording", "paused" or "" of the lecture under way.
    state: str = ""
    lecture: str = ""
    tracks: tuple[TrackFacts, ...] = ()
    stopped: StoppedFacts | None = None
    #: A lecture can be begun.
    space: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered between two looks."""

    word: str = NOT_READY
    lecture: str = ""
    #: Since when something should be recorded and nothing of it is on the disk.
    waiting_ns: int | None = None


def look(seen: Seen, it: RoomFacts) -> Seen:
    """The next word."""
    if not it.alive:
        return Seen(NOT_READY)
    if it.state == "recording":
        return _recording(seen, it)
    if it.state == "paused":
        return Seen(PAUSED, it.lecture)
    return Seen(_idle(it))


def _recording(seen: Seen, it: RoomFacts) -> Seen:
    durable = any(track.durable for track in it.tracks)
    whole = durable and all(track.durable or track.lost for track in it.tracks)
    went_on = durable and seen.word == RECORDING and seen.lecture == it.lecture
    if whole or went_on:
        return Seen(RECORDING, it.lecture)
    same = seen.lecture == it.lecture and seen.waiting_ns is not None
    since_ns = seen.waiting_ns if same and seen.waiting_ns is not None else it.now_ns
    waiting = Seen(STARTING, it.lecture, since_ns)
    if it.now_ns - since_ns < START_NS:
        return waiting
    return Seen(RECORDING, it.lecture) if durable else replace(waiting, word=START_FAILED)


def _idle(it: RoomFacts) -> str:
    if any(track.closing for track in it.tracks):
        return SAVING
    ended = it.stopped
    if ended is not None and not ended.failed:
        if it.now_ns < ended.stopped_ns + ended.patience_ns:
            return SAVED
        recent = it.now_ns < ended.stopped_ns + SAVED_NS
        if recent and not ended.patience_ns:
            return SAVED if ended.packaged else SAVING
    able = it.tracks and not all(track.lost for track in it.tracks)
    return READY if able and it.space else NOT_READY


# ---------------------------------------------------------------- the microphone


@dataclass(frozen=True, slots=True)
class MicFacts:
    """The main microphone, as its recorder says; monotonic nanoseconds."""

    now_ns: int
    phase: str
    lost: bool
    muted: bool = False
    #: The agent's own verdict on what is recorded, see `rules.guards` and `rules.voices`.
    warning: str = ""
    speaking: bool = False
    short_term: float = -70.0
    momentary: float = -70.0
    clipped: float = 0.0
    tonal: bool = False
    recording: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """When somebody was last heard, and in which bits of the window there was speech."""

    spoke_ns: int | None = None
    #: Looks with speech within the window: (monotonic ns, how long it stands for).
    speech: tuple[tuple[int, int], ...] = ()
    looked_ns: int = 0

    @property
    def talking(self) -> bool:
        """Somebody talks, not just a word now and then."""
        return sum(length for _, length in self.speech) >= TALK_NS


def hear(heard: Heard, it: MicFacts) -> Heard:
    """After one more look."""
    since_ns = min(it.now_ns - heard.looked_ns, SECOND) if heard.looked_ns else 0
    speech = tuple(each for each in heard.speech if it.now_ns - each[0] < TALK_WINDOW_NS)
    if it.speaking and not it.muted:
        return Heard(it.now_ns, (*speech, (it.now_ns, since_ns)), it.now_ns)
    return Heard(heard.spoke_ns, speech, it.now_ns)


#: The agent's warnings in the panel's words.
WARNINGS = {
    "no samples": "silent",
    "digital silence": "silent",
    "nobody can be heard": "silent",
    "nobody can be heard any more": "silent",
    "the voice is too quiet": "quiet",
    "the sound is too loud": "loud",
    "the microphone hums": "cable",
}


def verdict(heard: Heard, it: MicFacts, limits: voices.Hearing = voices.USUAL) -> str:
    """One of the panel's words for a microphone. Speech, not level, makes it "ok"."""
    if it.lost:
        return "none"
    if it.phase == "starting":
        return "starting"
    if it.muted:
        return "muted"
    if it.warning:
        return WARNINGS.get(it.warning, "silent")
    if not it.recording:
        if it.clipped > limits.clipped:
            return "loud"
        if it.tonal and it.momentary > voices.HUM_LUFS:
            return "cable"
        if it.speaking and it.short_term < limits.quiet_lufs:
            return "quiet"
    lasts_ns = HEARD_RECORDING_NS if it.recording else HEARD_NS
    fresh = heard.spoke_ns is not None and it.now_ns - heard.spoke_ns < lasts_ns
    return "ok" if fresh else "say"
