"""The grammar of buttons and pedals: what a press means for the room. Pure.

One button does everything: it starts at once (a needless start does no harm, a missed one does),
a tap pauses and resumes, and held for two seconds it stops. Pads and pedals have a key for each.
Students press buttons, so a tap may be set to mean a mark, or nothing.

Times are monotonic nanoseconds. A press means what the room showed when it began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from edge_agent.rules.panel import PAUSED, RECORDING, START_FAILED, STARTING

MS = 1_000_000
SECOND = 1000 * MS
#: Contacts bounce: a key that is down again so soon was never released.
BOUNCE_NS = 30 * MS
#: Held so long it stops.
HOLD_NS = 2 * SECOND
#: After a press that did something the next ones do nothing for so long: people press twice.
REST_NS = 1500 * MS

#: What can be stopped.
_UNDER_WAY = frozenset({STARTING, START_FAILED, RECORDING, PAUSED})
#: The keys, as `device_profiles.lights.reports` names them.
ONE, GO, PAUSE, STOP, MARK = "one", "go", "pause", "stop", "mark"
_STARTS, _STOPS = frozenset({ONE, GO}), frozenset({ONE, STOP})


class Tap(StrEnum):
    """What a tap of the only button does while a lecture is under way."""

    PAUSE = "pause"
    MARK = "mark"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Press:
    """A key that is down, or was a moment ago."""

    key: str
    since_ns: int
    #: The room's word when it went down.
    word: str
    #: When it came up; it may only have bounced.
    up_ns: int | None = None
    #: It has done what it can do.
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Fingers:
    """All keys of all buttons."""

    presses: tuple[Press, ...] = ()
    #: Until then presses do nothing.
    rest_until_ns: int = 0


_NO_FINGERS = Fingers()


def step(
    fingers: Fingers, down: frozenset[str], now_ns: int, word: str, tap: Tap = Tap.PAUSE
) -> tuple[Fingers, str]:
    """After a look at the keys that are down now: what to remember, and a command or "".

    Call it every 50 ms or so, without a change as well: a hold and a bounce end by themselves. At
    most one command comes of a call.
    """
    kept: list[Press] = []
    verb, rest = "", fingers.rest_until_ns
    # Up for longer than a bounce is released, also when it is down again by this look.
    before = [
        each if _released(each, now_ns) else _moved(each, down, now_ns) for each in fingers.presses
    ]
    held = {each.key for each in before if not _released(each, now_ns)}
    fresh = [Press(key, now_ns, word) for key in sorted(down - held)]
    for press in (*before, *fresh):
        new = press in fresh
        if new and now_ns < rest:
            press = replace(press, spent=True)
        said = "" if press.spent or verb else _said(press, now_ns, word, tap, new)
        if said:
            press, verb, rest = replace(press, spent=True), said, now_ns + REST_NS
        if not _released(press, now_ns):
            kept.append(press)
    return Fingers(tuple(kept), rest), verb


def _moved(press: Press, down: frozenset[str], now_ns: int) -> Press:
    if press.key in down:
        return replace(press, up_ns=None)
    return press if press.up_ns is not None else replace(press, up_ns=now_ns)


def _released(press: Press, now_ns: int) -> bool:
    return press.up_ns is not None and now_ns - press.up_ns >= BOUNCE_NS


def _said(press: Press, now_ns: int, word: str, tap: Tap, new: bool) -> str:
    """What it means at this moment."""
    began_under_way = press.word in _UNDER_WAY
    if new and not began_under_way:
        return "start" if press.key in _STARTS else ""
    if not began_under_way or word not in _UNDER_WAY:
        return ""
    end_ns = now_ns if press.up_ns is None else press.up_ns
    if press.key in _STOPS and end_ns - press.since_ns >= HOLD_NS:
        return "stop"
    if press.key == ONE:
        return _tapped(press.word, tap) if _released(press, now_ns) else ""
    return _OTHERS.get((press.key, press.word), "") if new else ""


def _tapped(word: str, tap: Tap) -> str:
    if tap is Tap.PAUSE:
        return {RECORDING: "pause", PAUSED: "resume"}.get(word, "")
    return "mark" if tap is Tap.MARK and word == RECORDING else ""


#: Keys that do one thing, at once.
_OTHERS = {(GO, PAUSED): "resume", (PAUSE, RECORDING): "pause", (MARK, RECORDING): "mark"}
