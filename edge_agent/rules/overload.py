"""What a recorder of pictures gives up while the PC is too slow, and when it takes it back. Pure.

First the preview, then every second picture, then a third of the picture's sides. Going down is a
matter of seconds, going up one of minutes: each change of size begins a file of its own, and a
picture that keeps changing is worse than a smaller one. Sound gives up nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

SECOND = 1_000_000_000
#: A recorder is strained when so much of its queue is full (0.5 s of pictures at 30 a second), or
#: when it has no time left between two pictures.
STRAINED_BACKLOG = 0.25
STRAINED_BUSY = 0.95
#: With so much waiting, or something lost already, there is no time to make sure.
URGENT_BACKLOG = 0.6
#: Strain must last this long before a step and between two steps; after an urgent look this.
STRAINED_NS = 4 * SECOND
URGENT_NS = SECOND
#: Share of the time (percent, over ten seconds) in which some process waited for a processor.
#: With so little time left here, the preview is given up before anything waits. Alone it says
#: nothing: an encoder with many threads presses itself and keeps up.
PRESSED = 50.0
PRESSED_BUSY = 0.7
#: So long nothing may be strained before a step up; twice as long after each that was one too many.
CALM_NS = 180 * SECOND
MOST_CALM_NS = 1440 * SECOND
CALM_BACKLOG = 0.1
#: A picture whose shorter side is less than this is not made smaller.
LEAST_SIDE = 360


class Step(IntEnum):
    """How much is given up; each includes those before it."""

    NONE = 0
    PREVIEW = 1
    RATE = 2
    SIZE = 3


#: How busy a recorder may be that takes a step back: twice the pictures are twice the work, and
#: a half more in width and height is 2.25 times.
_BUSY_TO_CLIMB = {Step.PREVIEW: 0.7, Step.RATE: 0.4, Step.SIZE: 0.35}

_WORDS = {
    Step.NONE: "recorded in full again",
    Step.PREVIEW: "the preview is off",
    Step.RATE: "the preview is off and every second picture is left out",
    Step.SIZE: "the preview is off, every second picture is left out and the picture is smaller",
}


@dataclass(frozen=True, slots=True)
class Load:
    """What one look sees, about once a second."""

    #: How full the queue behind the device is, 0.0 to 1.0.
    backlog: float
    #: Share of the time since the last look in which the recorder did not wait for its device.
    busy: float
    #: Samples lost since the last look.
    dropped: int = 0
    #: `some avg10` of /proc/pressure/cpu in percent; None where the kernel has none.
    pressure: float | None = None


@dataclass(frozen=True, slots=True)
class Ease:
    """What is given up now, and what must be remembered. Times are monotonic nanoseconds."""

    step: Step = Step.NONE
    #: Why the last step was taken, in words.
    why: str = ""
    changed_ns: int = 0
    strained_ns: int | None = None
    calm_ns: int | None = None
    patience_ns: int = CALM_NS
    #: The last change was one upwards.
    climbed: bool = False


def words(step: Step) -> str:
    """What people are told of a step."""
    return _WORDS[step]


def look(ease: Ease, now_ns: int, load: Load, most: Step = Step.SIZE) -> Ease:
    """What is given up after one more look. `most`: what this track can give up at all."""
    reason = strain(load)
    if not reason:
        if ease.step is Step.NONE and _pressed(load) and most >= Step.PREVIEW:
            return _down(ease, now_ns, _press_words(load))
        return _calm(replace(ease, strained_ns=None), now_ns, load)
    since_ns = now_ns if ease.strained_ns is None else ease.strained_ns
    ease = replace(ease, strained_ns=since_ns, calm_ns=None)
    patience = URGENT_NS if _urgent(load) else STRAINED_NS
    if ease.step >= most or now_ns - max(since_ns, ease.changed_ns) < patience:
        return ease
    return _down(ease, now_ns, reason)


def kept(last_ns: int | None, at_ns: int, fps: float) -> bool:
    """Whether a picture is recorded while every second one is left out.

    By time, not by count: a camera whose rate has sunk in the dark keeps all of its pictures.
    """
    return last_ns is None or (at_ns - last_ns) * (fps or 30.0) >= 1.5 * SECOND


def smaller(width: int, height: int) -> tuple[int, int]:
    """Two thirds of each side, even. What is small already stays: it would not be seen any more."""
    if min(width, height) < LEAST_SIDE:
        return width, height
    return width * 2 // 3 & ~1, height * 2 // 3 & ~1


def strain(load: Load) -> str:
    """Why a recorder cannot keep up, in words; empty when it does."""
    if load.dropped:
        return f"{load.dropped} pictures were lost because nobody took them in time"
    if load.backlog >= STRAINED_BACKLOG:
        return f"pictures wait: their queue is {load.backlog:.0%} full"
    if load.busy >= STRAINED_BUSY:
        return f"encoding takes {load.busy:.0%} of the time"
    return ""


def _urgent(load: Load) -> bool:
    return load.dropped > 0 or load.backlog >= URGENT_BACKLOG


def _pressed(load: Load) -> bool:
    return (load.pressure or 0.0) >= PRESSED and load.busy >= PRESSED_BUSY


def _press_words(load: Load) -> str:
    return f"programs wait for a processor {load.pressure or 0:.0f} % of the time"


def _down(ease: Ease, now_ns: int, why: str) -> Ease:
    # A step up that did not last: the next one must wait longer.
    patience = min(2 * ease.patience_ns, MOST_CALM_NS) if ease.climbed else ease.patience_ns
    return Ease(Step(ease.step + 1), why, now_ns, ease.strained_ns, None, patience, False)


def _calm(ease: Ease, now_ns: int, load: Load) -> Ease:
    calm = load.backlog < CALM_BACKLOG and load.busy < _BUSY_TO_CLIMB.get(ease.step, 1.0)
    if not calm or ease.step is Step.NONE:
        return replace(ease, calm_ns=None)
    since_ns = now_ns if ease.calm_ns is None else ease.calm_ns
    if now_ns - since_ns < ease.patience_ns:
        return replace(ease, calm_ns=since_ns)
    why = f"nothing has waited for {ease.patience_ns // (60 * SECOND)} minutes"
    return Ease(Step(ease.step - 1), why, now_ns, None, None, ease.patience_ns, True)
