"""The supervisor's one decision: facts in, actions out.

Pure: the same facts give the same plan, after a restart as well, because nothing is remembered
here. A round whose plan did something is followed by another at once, so each rule needs to take
only the next step towards what should be.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.rules import actions as do
from edge_agent.rules.actions import Action
from edge_agent.rules.bin import Kept, emptying
from edge_agent.rules.bookings import Situation
from edge_agent.rules.endings import WEDGED
from edge_agent.rules.health import GONE, SECOND, Phase, Pressure, next_pressure, silent
from edge_agent.rules.lecture import State
from edge_agent.rules.schedule import decide
from edge_agent.rules.verbs import answered

#: A finisher reports at least this often while it copies packets.
FINISHER_SILENCE_NS = 120 * SECOND
#: The gap's cause, in the words of a recorder that met the full disk itself.
DISK_FULL = "disk full"


@dataclass(frozen=True, slots=True)
class RecorderFacts:
    """One configured track and its recorder. Times are monotonic nanoseconds."""

    track: str
    phase: Phase = Phase.ABSENT
    heard_ns: int = 0
    lecture: str | None = None
    pressure: Pressure = Pressure.NONE
    pressed_ns: int = 0
    retry_ns: int = 0
    #: Why the last one ended; empty before the first.
    failure: str = ""
    #: Starts in a row that were ended for their silence.
    slow_starts: int = 0


@dataclass(frozen=True, slots=True)
class ActiveFacts:
    """The lecture under way. `now_ns`, `until_ns` are lecture time."""

    id: str
    state: State
    tracks: frozenset[str]
    open_gaps: frozenset[str]
    now_ns: int
    until_ns: int | None = None
    #: Somebody has set that end; else it is the longest that a lecture may last.
    planned: bool = False


@dataclass(frozen=True, slots=True)
class FinisherFacts:
    """`pressed`: it was killed, and has not gone yet: a disk that hangs may hold it for long."""

    lecture: str
    heard_ns: int
    pressed: bool = False


@dataclass(frozen=True, slots=True)
class CommandFacts:
    id: int
    verb: str
    expired: bool
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    now_ns: int
    recorders: tuple[RecorderFacts, ...] = ()
    active: ActiveFacts | None = None
    #: State FINISHING, oldest first, those whose retry is due.
    finishing: tuple[str, ...] = ()
    #: Packaged, with details that were changed since.
    edited: tuple[str, ...] = ()
    #: State HELD, and neither people nor a stop that may be taken back hold them any more.
    releasable: tuple[str, ...] = ()
    #: State HELD, without a package.
    bereft: tuple[str, ...] = ()
    finisher: FinisherFacts | None = None
    #: State PACKAGED, every outbox row with a receipt.
    received: tuple[str, ...] = ()
    #: Packaged or later, with segments still on the disk.
    leftovers: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()
    #: Stopped in this boot, with nothing packaged yet: they can go on.
    resumable: frozenset[str] = frozenset()
    #: Their stop can be taken back, whatever has become of their package.
    undoable: frozenset[str] = frozenset()
    #: Ended, and kept on this computer.
    present: frozenset[str] = frozenset()
    #: Of which nothing has arrived anywhere.
    unsent: frozenset[str] = frozenset()
    commands: tuple[CommandFacts, ...] = ()
    #: To begin a lecture, and to go on with one.
    enough_space: bool = True
    room_to_record: bool = True
    stopping: bool = False
    #: The lectures that commands to throw away or back name.
    kept: Mapping[str, Kept] = field(default_factory=dict)
    #: In the bin: their time is over, or has not begun because the clock was not sure of the day.
    spent: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    #: State PURGED, with files still on the disk.
    purged: tuple[str, ...] = ()
    #: None: lectures do not begin by themselves here.
    booked: Situation | None = None


def plan(facts: Facts) -> list[Action]:
    """Everything to be done in this round, in order."""
    if facts.stopping:
        return [action for each in facts.recorders for action in _wind_down(each, facts.now_ns)]
    # People go before the timetable, which sees in the next round what they have changed. A lecture
    # that is told to stop or to go on in the very round of its planned end does not end by it too.
    told = [*answered(facts)] or [*_timetable(facts)]
    ends = any(isinstance(action, do.Stop | do.MoveEnd) for action in told)
    going_on = {action.lecture for action in told if isinstance(action, do.Continue)}
    return [
        *told,
        *(() if ends else _planned_end(facts)),
        *(action for each in facts.recorders for action in _recorder(each, facts)),
        *_finishing(facts, going_on),
        *(do.Release(lecture) for lecture in facts.releasable),
        *(do.Rebuild(lecture) for lecture in facts.bereft if lecture not in going_on),
        *(do.MarkDelivered(lecture) for lecture in facts.received),
        *(do.DropSegments(lecture) for lecture in facts.leftovers),
        *emptying(facts),
    ]


# -------------------------------------------------------------------- recorders


def _recorder(it: RecorderFacts, facts: Facts) -> Iterator[Action]:
    lecture = facts.active
    due = lecture is not None and lecture.state is State.RECORDING and it.track in lecture.tracks
    wanted = due and facts.room_to_record
    if due and lecture is not None:
        # One that closes its file because the disk is full has its gap begin after that file.
        taken = it.lecture == lecture.id and (
            it.phase is Phase.RECORDING or (it.phase is Phase.FINISHING and not wanted)
        )
        armed = it.phase is Phase.ARMED and it.pressure is Pressure.NONE and wanted
        if not (taken or armed or it.track in lecture.open_gaps):
            yield do.OpenGap(lecture.id, it.track, _why_gap(it) if wanted else DISK_FULL)
        if armed and not silent(it.phase, it.heard_ns, facts.now_ns):
            yield do.RecordTrack(it.track, lecture.id)
            return
    yield from _keep_in_order(it, facts, wanted)


def _why_gap(it: RecorderFacts) -> str:
    """Empty: the recorder's own last words tell. One that is being ended has said none."""
    return "" if it.pressure is Pressure.NONE else WEDGED.cause


def _keep_in_order(it: RecorderFacts, facts: Facts, wanted: bool) -> Iterator[Action]:
    lecture = facts.active.id if facts.active else None
    if it.phase is Phase.ABSENT:
        if facts.now_ns >= it.retry_ns:
            yield do.StartRecorder(it.track)
    elif it.pressure is not Pressure.NONE or silent(
        it.phase, it.heard_ns, facts.now_ns, it.slow_starts
    ):
        yield from _press(it, facts.now_ns, f"no word from it while {it.phase}")
    elif it.phase is Phase.RECORDING and it.lecture and not (wanted and it.lecture == lecture):
        yield do.FinishTrack(it.track, it.lecture)


def _wind_down(it: RecorderFacts, now_ns: int) -> Iterator[Action]:
    """At the agent's end: ask at once, and press on only when the asking had its time."""
    if it.phase in GONE:
        return
    if it.pressure is Pressure.NONE or silent(Phase.QUITTING, it.pressed_ns, now_ns):
        yield from _press(it, now_ns, "the agent stops")


def _press(it: RecorderFacts, now_ns: int, why: str) -> Iterator[Action]:
    pressure = next_pressure(it.pressure, it.pressed_ns, now_ns)
    if pressure is not it.pressure:
        yield do.Press(it.track, pressure, why)


# -------------------------------------------------------------------- finishing


def _finishing(facts: Facts, going_on: Container[str]) -> Iterator[Action]:
    if facts.finisher is not None:
        silence_ns = facts.now_ns - facts.finisher.heard_ns
        if silence_ns > FINISHER_SILENCE_NS and not facts.finisher.pressed:
            yield do.KillFinisher(facts.finisher.lecture)
        return
    held = {it.lecture for it in facts.recorders if it.phase not in GONE}
    ready = [it for it in facts.finishing if it not in held and it not in going_on]
    ready += [it for it in facts.edited if it not in going_on]
    if ready:
        yield do.StartFinisher(ready[0])


def _timetable(facts: Facts) -> Iterator[Action]:
    action = decide(facts.booked) if facts.booked is not None else None
    if action is not None:
        yield action


def _planned_end(facts: Facts) -> Iterator[Action]:
    lecture = facts.active
    if lecture and lecture.until_ns is not None and lecture.now_ns >= lecture.until_ns:
        yield do.Stop(None, lecture.id)
