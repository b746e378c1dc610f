"""Small versions of a lecture: which, when they are made, and what waits for them. Pure.

They are made when the room is at rest, and sent before the full quality, which on a thin link takes
hours. So the full quality waits for them, but not for ever: a room may be busy all day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.rules.health import SECOND

#: Their names are never given to a recorded track.
AUDIO_LITE = "audio-lite.webm"
CAMERA_SMALL = "camera-small.mp4"
SOUND_SOURCE = "audio.m4a"
PICTURE_SOURCE = "presenter.mp4"
#: How long a room is at rest before work begins in it: less than the pause between two lectures,
#: more than that between a stop by mistake and the next start.
REST_NS = 10 * SECOND
#: Without a word for so long the renderer hangs. Its longest step, a piece of a minute, takes
#: a slow computer at the lowest priority some minutes.
SILENCE_NS = 900 * SECOND
#: So many failures in a row, and a lecture is delivered without.
MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class RendererFacts:
    """The renderer at work. `pressed`: it was killed and has not gone yet."""

    lecture: str
    heard_ns: int
    pressed: bool = False


@dataclass(frozen=True, slots=True)
class RestFacts:
    """How far the room is at rest, as far as the plan does not see it by itself."""

    #: Monotonic time since which nothing was recorded or finished; None: something is.
    since_ns: int | None = None
    #: Encoders are being tried: that measures their speed.
    trying: bool = False


def may_render(rest: RestFacts, now_ns: int, commands: Iterable[str]) -> bool:
    """Nothing is recorded, finished, tried or about to begin."""
    if rest.since_ns is None or rest.trying or busy(rest, commands):
        return False
    return now_ns - rest.since_ns >= REST_NS


def busy(rest: RestFacts, commands: Iterable[str]) -> bool:
    """A recording takes the computer at once."""
    return rest.since_ns is None or not {"start", "continue"}.isdisjoint(commands)


def hangs(renderer: RendererFacts, now_ns: int) -> bool:
    return now_ns - renderer.heard_ns > SILENCE_NS


def waited_ns(packaged_boot: str, packaged_ns: int, boot: str, now_ns: int) -> int:
    """How long a lecture has waited in this boot: what a clock said before is not believed."""
    return now_ns - packaged_ns if packaged_boot == boot else now_ns


def worth_making(bytes_there: int, duration_s: float, kbps: int) -> bool:
    """Not of what is hardly larger already."""
    return bytes_there * 8 > 1.5 * kbps * 1000 * duration_s
