"""What a command of people leads to: one action, or a refusal that says what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from edge_agent.rules import actions as do
from edge_agent.rules.actions import Action
from edge_agent.rules.bin import VERBS as THROWING_AWAY
from edge_agent.rules.bookings import latest_end
from edge_agent.rules.captions import VERBS as CAPTIONS
from edge_agent.rules.health import GONE, Phase
from edge_agent.rules.lecture import Event, events

if TYPE_CHECKING:
    from edge_agent.rules.plan import CommandFacts, Facts

#: One press adds at most so much; what was meant to be minutes may have been typed as seconds.
MOST_MINUTES = 240


def answered(facts: Facts) -> Iterator[Action]:
    """One command a round: the next one meets the state that this one has made.

    One that has to wait for something (its verb says None) holds up no other.
    """
    for command in facts.commands:
        action = _answer(facts, command)
        if action is not None:
            yield action
            return


def _answer(facts: Facts, command: CommandFacts) -> Action | None:
    if command.expired:
        return do.Refuse(
            command.id,
            "expired",
            f"the command {command.verb!r} came too late and was not run",
            "give it again",
            12,
        )
    verb = _VERBS.get(command.verb)
    if verb is None:
        known = ", ".join(sorted(_VERBS))
        return do.Refuse(
            command.id, "unknown-command", f"no command {command.verb!r}", f"one of {known}", 2
        )
    return verb(facts, command)


def _start(facts: Facts, command: CommandFacts) -> Action:
    if facts.active is not None:
        return do.Refuse(
            command.id,
            "already-recording",
            f"lecture {facts.active.id} is already {facts.active.state}",
            "edge-agent record stop, or edge-agent status to see it",
            5,
        )
    return hindrance(facts, command.id) or do.Begin(command.id)


def hindrance(facts: Facts, command: int = 0) -> do.Refuse | None:
    """Why no lecture can be begun with this room's devices and disk; None: one can."""
    if not facts.recorders:
        return do.Refuse(
            command,
            "no-tracks",
            "this room has no camera and no microphone",
            "plug one in and run: edge-agent devices list",
            9,
        )
    failures = [f"{it.track}: {it.failure}" for it in facts.recorders if it.failure]
    if len(failures) == len(facts.recorders) and _none_alive(facts):
        return do.Refuse(
            command,
            "no-device",
            "no device can be recorded (" + "; ".join(failures) + ")",
            "edge-agent devices list shows what is plugged in",
            9,
        )
    if not facts.enough_space:
        return do.Refuse(
            command,
            "no-space",
            "the disk is too full to begin a lecture",
            "free space, or let waiting lectures be delivered: edge-agent upload status",
            10,
        )
    return None


def _none_alive(facts: Facts) -> bool:
    """A recorder that is being tried again after a failure counts as not alive."""
    return all(it.phase in (*GONE, Phase.STARTING) for it in facts.recorders)


def _on_active(
    event: Event, make: Callable[[int, str], Action]
) -> Callable[[Facts, CommandFacts], Action]:
    """A verb that applies to the lecture under way, if its state allows the event."""

    def verb(facts: Facts, command: CommandFacts) -> Action:
        lecture = facts.active
        if lecture is None:
            return do.Refuse(
                command.id,
                "not-recording",
                "nothing is being recorded",
                "edge-agent record start begins a lecture",
                5,
            )
        if event not in events(lecture.state):
            return do.Refuse(
                command.id,
                "wrong-state",
                f"the lecture is {lecture.state}: it cannot {event}",
                "edge-agent record status shows what is possible",
                5,
            )
        return make(command.id, lecture.id)

    return verb


def _mark(facts: Facts, command: CommandFacts) -> Action:
    if facts.active is None:
        return _on_active(Event.STOP, do.Stop)(facts, command)
    return do.AddMark(command.id, facts.active.id)


def _mute(on: bool) -> Callable[[Facts, CommandFacts], Action]:
    """Always possible, and no harm when it is so already: privacy knows no wrong state."""
    return lambda facts, command: do.SetMute(
        command.id, on, facts.active.id if facts.active else None
    )


def _extend(facts: Facts, command: CommandFacts) -> Action:
    minutes = command.args.get("minutes")
    if facts.active is None:
        return _on_active(Event.STOP, do.Stop)(facts, command)
    if not isinstance(minutes, int) or not 1 <= minutes <= MOST_MINUTES:
        return do.Refuse(
            command.id,
            "bad-request",
            f"{minutes!r} is no number of minutes",
            f"a whole number from 1 to {MOST_MINUTES}",
            2,
        )
    if not facts.active.planned:
        return do.Refuse(
            command.id,
            "no-end",
            "the lecture has no planned end: it goes on until it is stopped",
            "nothing needs to be done",
            5,
        )
    return _up_to_the_next_booking(facts, command, facts.active.id, minutes)


def _up_to_the_next_booking(
    facts: Facts, command: CommandFacts, lecture: str, minutes: int
) -> Action:
    """The room is somebody else's from then on."""
    booked = facts.booked
    limit = latest_end(booked) if booked is not None else None
    if booked is None or booked.running is None or booked.running.ends is None or limit is None:
        return do.Extend(command.id, lecture, minutes)
    left = int((limit - booked.running.ends) / timedelta(minutes=1))
    if left >= 1:
        return do.Extend(command.id, lecture, min(minutes, left))
    return do.Refuse(
        command.id,
        "booked",
        f"the next booking begins at {limit:%H:%M} UTC",
        "edge-agent schedule list shows it; edge-agent schedule skip takes it out",
        5,
    )


def _continue(facts: Facts, command: CommandFacts) -> Action | None:
    """A package that is being built is given up first; the command waits for that."""
    lecture = str(command.args.get("lecture", ""))
    if facts.active is not None:
        return _start(facts, command)
    if facts.finisher is not None and facts.finisher.lecture == lecture:
        if lecture in facts.undoable:
            return None if facts.finisher.pressed else do.KillFinisher(lecture, wanted=True)
    elif lecture in facts.undoable or lecture in facts.resumable:
        return do.Continue(command.id, lecture)
    return do.Refuse(
        command.id,
        "too-late",
        f"lecture {lecture or '(none given)'} cannot go on any more",
        "edge-agent record start begins another one",
        5,
    )


def _edit(facts: Facts, command: CommandFacts) -> Action:
    lecture = str(command.args.get("lecture") or (facts.active.id if facts.active else ""))
    under_way = facts.active is not None and facts.active.id == lecture
    if under_way or lecture in facts.present:
        return do.Edit(command.id, lecture)
    return do.Refuse(
        command.id,
        "too-late" if lecture else "not-recording",
        f"lecture {lecture or '(none given)'} is neither under way nor kept on this computer",
        "edge-agent lectures list shows the state of each lecture",
        5,
    )


def _withhold(on: bool) -> Callable[[Facts, CommandFacts], Action]:
    """What has arrived somewhere cannot be taken back from here."""

    def verb(facts: Facts, command: CommandFacts) -> Action:
        lecture = str(command.args.get("lecture") or (facts.active.id if facts.active else ""))
        under_way = facts.active is not None and facts.active.id == lecture
        if under_way or lecture in facts.unsent or (lecture in facts.present and not on):
            return do.Withhold(command.id, lecture, on)
        if lecture in facts.present:
            what, hint = "has been sent, at least in part", "ask where it was sent to delete it"
        else:
            what = "is neither under way nor kept on this computer"
            hint = "edge-agent lectures list shows the state of each lecture"
        message = f"lecture {lecture or '(none given)'} {what}"
        return do.Refuse(command.id, "too-late" if lecture else "not-recording", message, hint, 5)

    return verb


def _retry(facts: Facts, command: CommandFacts) -> Action:
    lecture = str(command.args.get("lecture", ""))
    if lecture in facts.failed:
        return do.Retry(command.id, lecture)
    return do.Refuse(
        command.id,
        "wrong-state",
        f"lecture {lecture or '(none given)'} has not failed",
        "edge-agent lectures list shows the state of each lecture",
        5,
    )


_VERBS: dict[str, Callable[[Facts, CommandFacts], Action | None]] = {
    "start": _start,
    "stop": _on_active(Event.STOP, do.Stop),
    "pause": _on_active(Event.PAUSE, do.Pause),
    "resume": _on_active(Event.RESUME, do.Resume),
    "continue": _continue,
    "edit": _edit,
    "extend": _extend,
    "mark": _mark,
    "retry": _retry,
    **THROWING_AWAY,
    **CAPTIONS,
    "withhold": _withhold(True),
    "publish": _withhold(False),
    "mute": _mute(True),
    "unmute": _mute(False),
}
