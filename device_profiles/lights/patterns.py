"""What a light shows of the room: a colour and a brightness for every moment. Pure.

Universities disagree about colours (red is recording at some, a fault at others), and some people
do not see them: so each state has a rhythm of its own that tells it without any colour. Nothing
flashes faster than once a second.

The host plays the patterns itself, so that every light shows the same, whatever it can do alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

SECOND = 1_000_000_000
#: Of full brightness. Dim enough for a dark hall.
DIM = 0.2
#: Smooth changes go in so many steps: a light is not written to more often than it needs.
STEPS = 10
#: After this a pattern begins again.
PERIOD_NS = 4 * SECOND
#: "Saved" is told for so long, then the room is ready.
SAVED_NS = 3 * SECOND

Rgb = tuple[int, int, int]
#: Saturated: what is pale on a screen is white on a light-emitting diode.
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 40, 255)
AMBER, WHITE, DARK = (255, 110, 0), (255, 255, 255), (0, 0, 0)


class Mood(StrEnum):
    """What the light has to say."""

    OFF = "off"
    #: No agent, or nothing that could record.
    UNABLE = "unable"
    READY = "ready"
    #: A booking has begun, and nobody records it.
    LATE = "late"
    #: It starts, or it saves.
    WORKING = "working"
    RECORDING = "recording"
    PAUSED = "paused"
    #: Somebody talks in a pause.
    TALKING = "talking"
    WARNING = "warning"
    CRITICAL = "critical"
    SAVED = "saved"


class Scheme(StrEnum):
    """The colour of a recording."""

    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment; `level` is 0 (dark) to 1."""

    color: Rgb
    level: float

    @property
    def rgb(self) -> Rgb:
        """As a light mixes it."""
        red, green, blue = (round(part * self.level) for part in self.color)
        return red, green, blue


_NOTHING = Look(DARK, 0.0)


def look(mood: Mood, since_ns: int, scheme: Scheme = Scheme.RED) -> Look:
    """What to show when the room has been so for `since_ns`."""
    if mood is Mood.SAVED:
        return Look(WHITE, 1.0) if since_ns < SAVED_NS else Look(BLUE, DIM)
    tally = RED if scheme is Scheme.RED else GREEN
    return _PATTERNS[mood](since_ns % PERIOD_NS / SECOND, tally)


def _flash(color: Rgb, lit: bool) -> Look:
    return Look(color, 1.0) if lit else _NOTHING


def _breath(part: float) -> float:
    """Up and down again, in steps."""
    return round((1 - abs(2 * part - 1)) * STEPS) / STEPS


def _alternating(color: Rgb, other: Rgb, first: bool) -> Look:
    """The other half is dimmer: without colour it would be a steady light."""
    return Look(color, 1.0) if first else Look(other, 0.4)


#: By the second within the period, and the colour of a recording.
_PATTERNS: dict[Mood, Callable[[float, Rgb], Look]] = {
    Mood.OFF: lambda second, tally: _NOTHING,
    Mood.UNABLE: lambda second, tally: _flash(BLUE, second % 2 < 0.2),
    Mood.READY: lambda second, tally: Look(BLUE, DIM),
    Mood.LATE: lambda second, tally: Look(BLUE, 1.0 if second % 1 < 0.2 else DIM),
    Mood.WORKING: lambda second, tally: Look(WHITE, _breath(second / 4)),
    Mood.RECORDING: lambda second, tally: Look(tally, 1.0),
    Mood.PAUSED: lambda second, tally: _flash(AMBER, second % 2 < 1),
    Mood.TALKING: lambda second, tally: _flash(AMBER, second % 1 < 0.5),
    Mood.WARNING: lambda second, tally: _flash(tally, second % 2 >= 0.3),
    Mood.CRITICAL: lambda second, tally: _alternating(RED, BLUE, second % 1 < 0.5),
}


def mood_of(word: str, worst: str = "", ask: str = "") -> Mood:
    """From the panel's word, its worst problem's severity, and what the room asks.

    A problem changes the light while a lecture is under way. In an empty room a light that flashes
    because a microphone's battery is flat helps nobody: there the panel tells.
    """
    if word == "recording":
        return {"critical": Mood.CRITICAL, "warning": Mood.WARNING}.get(worst, Mood.RECORDING)
    if word == "paused":
        return Mood.TALKING if ask == "pause_talking" else Mood.PAUSED
    if word == "ready" and ask == "late_start":
        return Mood.LATE
    return _MOODS.get(word, Mood.UNABLE)


_MOODS = {
    "ready": Mood.READY,
    "starting": Mood.WORKING,
    "start_failed": Mood.CRITICAL,
    "saving": Mood.WORKING,
    "saved": Mood.SAVED,
}
