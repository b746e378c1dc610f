"""The life of a lecture: one enum, one table, one `advance()`.

An illegal event raises and changes nothing. Every stored state says what start-up does with it
after a crash, and a test walks the enum to see that none is a dead end.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Stored in the ledger, so a name is for ever."""

    PLANNED = "planned"
    RECORDING = "recording"
    PAUSED = "paused"
    FINISHING = "finishing"
    #: The package exists and stays here: its stop may be taken back, or people want it so.
    HELD = "held"
    PACKAGED = "packaged"
    DELIVERED = "delivered"
    PURGED = "purged"
    MISSED = "missed"
    FAILED = "failed"


class Event(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CONTINUE = "continue"
    PACKAGE = "package"
    HOLD = "hold"
    RELEASE = "release"
    WITHHOLD = "withhold"
    REBUILD = "rebuild"
    DELIVER = "deliver"
    REVISE = "revise"
    PURGE = "purge"
    MISS = "miss"
    FAIL = "fail"
    RETRY = "retry"


class Startup(StrEnum):
    """What the agent does at its start with a lecture found in a state."""

    WAIT = "wait"  # for its time, for people, or for the destination
    CONTINUE_OR_FINISH = "continue_or_finish"
    FINISH = "finish"
    RELEASE = "release"  # unless people hold it back
    DELIVER = "deliver"
    NOTHING = "nothing"


class IllegalEvent(Exception):
    """The event does not apply in this state; nothing was changed."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a lecture that is {state} cannot {event}")
        self.state, self.event = state, event


_TABLE: dict[State, dict[Event, State]] = {
    State.PLANNED: {Event.START: State.RECORDING, Event.MISS: State.MISSED},
    State.RECORDING: {Event.PAUSE: State.PAUSED, Event.STOP: State.FINISHING},
    State.PAUSED: {Event.RESUME: State.RECORDING, Event.STOP: State.FINISHING},
    State.FINISHING: {
        Event.PACKAGE: State.PACKAGED,
        Event.HOLD: State.HELD,
        Event.FAIL: State.FAILED,
        # The stop was a mistake, and nothing of it has left.
        Event.CONTINUE: State.RECORDING,
    },
    State.HELD: {
        Event.RELEASE: State.PACKAGED,
        Event.CONTINUE: State.RECORDING,
        # Its package has vanished: it is built again from the segments.
        Event.REBUILD: State.FINISHING,
        Event.PURGE: State.PURGED,
    },
    # Held back by people before anything of it has arrived. What has not arrived is purged only
    # when people have thrown it away.
    State.PACKAGED: {
        Event.DELIVER: State.DELIVERED,
        Event.WITHHOLD: State.HELD,
        Event.PURGE: State.PURGED,
    },
    # What it says about itself was changed, and has to be sent again.
    State.DELIVERED: {Event.PURGE: State.PURGED, Event.REVISE: State.PACKAGED},
    State.PURGED: {},
    State.MISSED: {Event.START: State.RECORDING},
    # People look at a failure, mend the cause, and have it finished again.
    State.FAILED: {Event.RETRY: State.FINISHING, Event.PURGE: State.PURGED},
}

AT_STARTUP: dict[State, Startup] = {
    State.PLANNED: Startup.WAIT,
    State.RECORDING: Startup.CONTINUE_OR_FINISH,
    State.PAUSED: Startup.CONTINUE_OR_FINISH,
    State.FINISHING: Startup.FINISH,
    State.HELD: Startup.RELEASE,
    State.PACKAGED: Startup.DELIVER,
    State.DELIVERED: Startup.NOTHING,
    State.PURGED: Startup.NOTHING,
    State.MISSED: Startup.WAIT,
    State.FAILED: Startup.WAIT,
}

#: The room's one lecture under way is in one of these.
ACTIVE = frozenset({State.RECORDING, State.PAUSED})
#: Its segments are still needed: the package does not exist yet.
UNPACKAGED = ACTIVE | {State.FINISHING, State.FAILED}
#: A package is there, or is being built or taken apart.
BUILDING = UNPACKAGED | {State.HELD}
#: Its package exists.
WITH_PACKAGE = frozenset({State.HELD, State.PACKAGED, State.DELIVERED})


def latest(ledger: State, told: State | None, packaged: bool) -> State:
    """The state of a lecture whose ledger may be an older one, put back from a copy.

    `told` is what lies beside its segments, durable before any answer; None: nothing does, and
    only a package tells that it has ended. What the ledger says to have ended never goes on.
    """
    if ledger not in ACTIVE:
        return ledger
    if told is None:
        return State.FINISHING if packaged else ledger
    return told


def advance(state: State, event: Event) -> State:
    """The state after an event; IllegalEvent if the event does not apply."""
    try:
        return _TABLE[state][event]
    except KeyError:
        raise IllegalEvent(state, event) from None


def events(state: State) -> frozenset[Event]:
    """The events that apply in a state."""
    return frozenset(_TABLE[state])
