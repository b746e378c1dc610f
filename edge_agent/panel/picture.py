"""From what was read to what is shown: one reading in, one `PanelState` out. Pure.

The word and the microphone's verdict are decided in `edge_agent.rules.panel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from edge_agent.panel import state as show
from edge_agent.panel.problems import problems
from edge_agent.panel.queue import keepable, queue_of
from edge_agent.panel.reading import NS, Journey, Reading
from edge_agent.panel.rehearsal import is_test
from edge_agent.panel.timetable import booking_of, has_begun
from edge_agent.panel.tracks import is_lost, main_microphone, mic_facts, source, space_left
from edge_agent.rows import Gap, Lecture
from edge_agent.rules import panel as rules
from edge_agent.rules import voices
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS

#: A planned end is spoken of from so long before it on, and counted down at the very end.
ENDING_NS, STOPPING_NS = 300 * NS, 60 * NS


_NOTHING_SEEN, _NOTHING_HEARD = rules.Seen(), rules.Heard()
_NO_DETAILS = show.Details()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the configuration says of this room's panel."""

    room: show.Room
    least_free: int
    #: Of each track, kilobits per second at most; a track that is not named takes the usual.
    kbps: Mapping[str, int] = field(default_factory=dict)
    pin_set: bool = False
    #: When a microphone is called too quiet, or too loud.
    hearing: voices.Hearing = voices.USUAL


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered from one picture to the next."""

    seen: rules.Seen = _NOTHING_SEEN
    heard: rules.Heard = _NOTHING_HEARD
    #: The numbers of the tracks in binary frames.
    numbers: Mapping[str, int] = field(default_factory=dict)
    #: What the next lecture will be called.
    details: show.Details = _NO_DETAILS


def picture(memory: Memory, it: Reading, wishes: Wishes) -> tuple[Memory, show.PanelState]:
    """The state without its revisions, and what to remember."""
    status = _fresh(it)
    tracks: Mapping[str, Any] = status["tracks"] if status else {}
    known = sorted(tracks.keys() - memory.numbers.keys())
    numbers = {**memory.numbers, **{t: len(memory.numbers) + n for n, t in enumerate(known)}}
    free = int(status["spool"]["free_bytes"]) if status else 0
    seen = rules.look(memory.seen, _room(it, status, free >= wishes.least_free))
    sources = [source(numbers[name], name, it, status) for name in tracks] if status else []
    sources.sort(key=lambda source: source.number)
    main = main_microphone(tracks)
    mic = mic_facts(it, status, main) if status and main else None
    heard = rules.hear(memory.heard, mic) if mic else rules.Heard()
    verdict = rules.verdict(heard, mic, wishes.hearing) if mic else "none"
    left = space_left(tracks, wishes.kbps, free)
    shown = show.PanelState(
        room=wishes.room,
        word=cast(show.Word, seen.word),
        timer=_timer(it),
        pause_timer=_pause_timer(it),
        lecture=_lecture(it),
        details=memory.details,
        muted=bool(status and status["muted"]),
        mic=show.Microphone(
            state=cast(show.MicState, verdict),
            source=numbers.get(main) if main else None,
            speaking=bool(mic and mic.speaking and not mic.muted),
        ),
        sources=sources,
        problems=problems(it, status, seen.word, sources, verdict, main, wishes.least_free, left),
        ask=_ask(it, seen.word, heard) or _late(status, seen.word, heard),
        saving_percent=_saving(it, status),
        saved=_saved(it, seen.word),
        space=left,
        queue=queue_of(it),
        booking=booking_of(status),
        clock_ok=it.now.trust == "synchronised",
        pin_set=wishes.pin_set,
    )
    return replace(memory, seen=seen, heard=heard, numbers=numbers), shown


def _fresh(it: Reading) -> Mapping[str, Any] | None:
    status = it.status
    stale = status is not None and it.now.mono_ns - int(status["mono_ns"]) > rules.STALE_NS
    return None if stale else status


def _room(it: Reading, status: Mapping[str, Any] | None, enough: bool) -> rules.RoomFacts:
    tracks = status["tracks"].values() if status else ()
    return rules.RoomFacts(
        now_ns=it.now.mono_ns,
        alive=status is not None,
        state=str(it.active.state) if it.active else "",
        lecture=it.active.id if it.active else "",
        tracks=tuple(
            rules.TrackFacts(
                lost=is_lost(track),
                durable=track["phase"] == "recording" and track["durable_s"] is not None,
                closing=track["phase"] == "finishing",
            )
            for track in tracks
        ),
        stopped=_stopped(it),
        space=enough,
    )


def _stopped(it: Reading) -> rules.StoppedFacts | None:
    last = it.last
    if last is None or last.stopped_ns is None or last.epoch_boot != it.now.boot:
        return None
    return rules.StoppedFacts(
        id=last.id,
        stopped_ns=last.epoch_ns + last.stopped_ns,
        patience_ns=last.patience_ns,
        packaged=last.state not in (State.FINISHING, State.FAILED),
        failed=last.state is State.FAILED,
    )


# ---------------------------------------------------------------- the lecture


def _lecture(it: Reading) -> show.Lecture | None:
    """The one under way, or one that can still go on."""
    waits = it.last is not None and it.last.waits(it.now.mono_ns, it.now.boot)
    lecture = it.active or (it.last if waits else None)
    return _shown(lecture) if lecture is not None else None


def _shown(lecture: Lecture) -> show.Lecture:
    planned = lecture.until_utc is not None and lecture.until_ns is not None
    until_ns = lecture.epoch_ns + (lecture.until_ns or 0)
    return show.Lecture(
        id=lecture.id,
        title=lecture.title,
        course=lecture.course,
        lecturer=lecture.lecturer,
        language=lecture.language,
        licence=lecture.licence,
        started_utc=lecture.started_utc,
        until_utc=lecture.until_utc,
        until_ms=until_ns // 1_000_000 if planned else None,
    )


def _missed_ns(gaps: Iterable[Gap]) -> int:
    """What no track has because somebody wanted it so; open gaps count from elsewhere."""
    return sum(gap.end_ns - gap.start_ns for gap in gaps if gap.end_ns is not None)


def _open(gaps: Iterable[Gap]) -> Gap | None:
    return next((gap for gap in gaps if gap.end_ns is None), None)


def _timer(it: Reading) -> show.Timer:
    """It runs from when it would have begun without pauses: so only presses change it."""
    lecture, pause = it.active, _open(it.gaps)
    if lecture is None:
        return show.Timer()
    missed_ns = START_NS + _missed_ns(it.gaps)
    if lecture.state is State.PAUSED and pause is not None:
        return show.Timer(ms=max(0, pause.start_ns - missed_ns) // 1_000_000)
    return show.Timer(at_ms=(lecture.epoch_ns + missed_ns) // 1_000_000, running=True)


def _pause_timer(it: Reading) -> show.Timer | None:
    lecture, pause = it.active, _open(it.gaps)
    if lecture is None or lecture.state is not State.PAUSED or pause is None:
        return None
    return show.Timer(at_ms=(lecture.epoch_ns + pause.start_ns) // 1_000_000, running=True)


def _ask(it: Reading, word: str, heard: rules.Heard) -> show.Ask | None:
    lecture = it.active
    if lecture is None:
        return None
    if word == "paused":
        return show.Ask(kind="pause_talking") if heard.talking else None
    if lecture.until_utc is None or lecture.until_ns is None:
        return None
    speaks = heard.spoke_ns is not None and it.now.mono_ns - heard.spoke_ns < rules.HEARD_NS
    left_ns = lecture.until_ns - lecture.lecture_ns(it.now.mono_ns)
    if left_ns < STOPPING_NS and not (speaks and _goes_on(it)):
        end_ns = lecture.epoch_ns + lecture.until_ns
        return show.Ask(kind="stopping", at_ms=end_ns // 1_000_000, quiet=not speaks)
    meant = lecture.booked_until_utc
    if speaks and meant is not None and datetime.fromisoformat(meant) <= it.now.utc:
        return show.Ask(kind="overtime")
    return show.Ask(kind="ending") if left_ns < ENDING_NS else None


def _goes_on(it: Reading) -> bool:
    """It will not stop at its end while somebody speaks."""
    schedule = (_fresh(it) or {}).get("schedule")
    return bool(schedule and schedule.get("goes_on_until_utc"))


def _late(status: Mapping[str, Any] | None, word: str, heard: rules.Heard) -> show.Ask | None:
    asks = word == rules.READY and has_begun(status, heard.talking)
    return show.Ask(kind="late_start") if asks else None


def _saving(it: Reading, status: Mapping[str, Any] | None) -> int:
    finishing = status["finishing"] if status else None
    if finishing is None or it.last is None or finishing["lecture"] != it.last.id:
        return 0
    return int(100 * finishing["fraction"])


def _saved(it: Reading, word: str) -> show.Saved | None:
    last = it.last
    if word != "saved" or last is None or last.stopped_ns is None:
        return None
    end_ns = last.end_ns if last.end_ns is not None else last.stopped_ns
    until_ns = last.epoch_ns + last.stopped_ns + last.patience_ns
    can_go_on = last.waits(it.now.mono_ns, it.now.boot)
    return show.Saved(
        lecture=last.id,
        title=last.title,
        length_s=max(0, end_ns - START_NS - _missed_ns(it.gaps)) // NS,
        continue_until_ms=until_ns // 1_000_000 if can_go_on else None,
        listen=True,
        kept=bool(last.withheld),
        keepable=keepable(next((j for j in it.journeys if j.lecture.id == last.id), Journey(last))),
        test=is_test(last),
    )
