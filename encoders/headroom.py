"""How much work the pictures of a room may be, so that the PC keeps a third of itself free. Pure.

What is left is for decoding, sound, the disk, the preview, sending, and for the day on which the
fan is full of dust.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: So much of all processors must stay free.
FREE = 0.35
#: Hardware costs no processor, but does not become faster for it: with all tracks at once it must
#: still be faster than life by this.
LEAST_SPEED = 1.2


@dataclass(frozen=True, slots=True)
class Effort:
    """How pictures are recorded: x264's and x265's preset; every second picture left out; a third
    of each side taken away."""

    preset: str = "veryfast"
    sparse: bool = False
    small: bool = False


#: What is tried, in this order: first more bytes, which nobody sees.
EFFORTS = (
    Effort(),
    Effort("superfast"),
    Effort("ultrafast"),
    Effort("ultrafast", sparse=True),
    Effort("ultrafast", sparse=True, small=True),
)


@dataclass(frozen=True, slots=True)
class Track:
    """What is measured: a track of pictures as the room has it."""

    name: str
    width: int
    height: int
    fps: float
    encoder: str = "libx264"
    #: Its camera delivers JPEG, which must be decoded first.
    jpeg: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What one track has cost while all were encoded at once. `error`: it could not be measured."""

    track: str
    #: Seconds of one processor for each second of pictures.
    cpu: float = 0.0
    #: Seconds of pictures for each second.
    speed: float = 0.0
    software: bool = True
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """An effort, whether it fits, and why in words."""

    effort: Effort
    fits: bool
    #: Share of all processors.
    share: float
    reason: str


def fit(effort: Effort, loads: Sequence[Load], processors: int) -> Fit:
    """Whether a room's tracks at this effort leave enough of the PC."""
    share = sum(load.cpu for load in loads) / max(1, processors)
    for load in loads:
        if load.error:
            return Fit(effort, False, share, f"{load.track} {load.error}")
        if not load.software and load.speed < LEAST_SPEED:
            return Fit(
                effort,
                False,
                share,
                f"{load.track} is encoded at {load.speed:.1f} × real time only",
            )
    left = f"leaves {max(0.0, 1 - share):.0%} of the processors free"
    if share > 1 - FREE:
        return Fit(effort, False, share, f"{left}, and {FREE:.0%} are wanted")
    return Fit(effort, True, share, left)


def choose(fits: Sequence[Fit]) -> Fit:
    """The first that fits; if none does, the cheapest. Raises ValueError when there is none."""
    if not fits:
        raise ValueError("nothing was measured")
    return next((each for each in fits if each.fits), fits[-1])


def at_once(loads: Sequence[Load], processors: int) -> int:
    """How many tracks like these, on average, this PC can encode and stay free enough."""
    cost = sum(load.cpu for load in loads) / len(loads) if loads else 0.0
    return int(processors * (1 - FREE) / max(cost, 0.01))


def words(effort: Effort) -> str:
    """An effort for people."""
    parts = [f"preset {effort.preset}"]
    parts += ["half the pictures"] if effort.sparse else ["all pictures"]
    parts += ["two thirds of width and height"] if effort.small else ["full size"]
    return ", ".join(parts)
