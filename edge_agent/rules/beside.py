"""Whether a small picture is made of a lecture while it is recorded. Pure.

Such work may take only what nobody else asks for, and it is the first to go: a recording that has
to give up anything, or a PC with less to spare than expected, ends it at once. It comes back after
a long calm only, later after each time that it had to go. What it did not get done is made
afterwards, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_agent.rules.health import SECOND

#: So much of the processors must be free to begin: what the encoders' headroom leaves, see
#: `encoders.headroom`.
FREE_TO_BEGIN = 0.35
#: With less than this it goes. Its own share counts as free, since everybody goes before it.
FREE_TO_GO_ON = 0.2
#: It takes up to one processor; with a single one it would be in the way of every frame.
LEAST_PROCESSORS = 2
#: So long a lecture must have been recorded with so much free.
CALM_NS = 60 * SECOND
#: After it had to go; twice as long each time.
PATIENCE_NS = 600 * SECOND
MOST_PATIENCE_NS = 4 * 3600 * SECOND
#: A recorder's queue that is fuller than this keeps a frame from the encoder.
WAITING = 0.1


@dataclass(frozen=True, slots=True)
class Track:
    """A recorder of the lecture under way."""

    name: str
    #: As it should: its device is open, and nothing is being repaired.
    well: bool
    #: What it gives up because the PC is too slow, in words.
    given_up: str = ""
    #: How full its fuller queue is, 0.0 to 1.0.
    backlog: float = 0.0
    #: Samples lost since this recorder began.
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """What one look sees, about every two seconds."""

    tracks: tuple[Track, ...]
    processors: int
    #: Share of them that nothing but the work itself has used since the last look; None: unknown.
    free: float | None
    #: How often they were slowed down for their heat, ever.
    throttled: int = 0
    on_battery: bool = False
    enough_space: bool = True
    #: Something else that is made of lectures has the turn.
    others: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether it may, and what must be remembered. Times are monotonic nanoseconds."""

    granted: bool = False
    #: Why not, or not any more, in words.
    why: str = "no lecture is recorded"
    calm_ns: int | None = None
    patience_ns: int = CALM_NS
    dropped: int = 0
    throttled: int = 0


def look(leave: Leave, now_ns: int, scene: Scene) -> Leave:
    """After one more look."""
    seen = replace(
        leave, dropped=sum(track.dropped for track in scene.tracks), throttled=scene.throttled
    )
    hindrance = _hindrance(scene) or _unknown(leave, scene)
    if hindrance:
        return replace(seen, granted=False, why=hindrance, calm_ns=None)
    strain = _strain(leave, scene)
    if strain:
        return replace(
            seen, granted=False, why=strain, calm_ns=None, patience_ns=_longer(leave, strain)
        )
    since_ns = now_ns if leave.calm_ns is None else leave.calm_ns
    calm = now_ns - since_ns >= leave.patience_ns
    why = "" if calm else "it is not known yet whether there is time to spare"
    return replace(seen, granted=leave.granted or calm, why=why, calm_ns=since_ns)


def _longer(leave: Leave, strain: str) -> int:
    """It had to go: the next time it must wait longer. What never began has done no harm."""
    if not leave.granted:
        return leave.patience_ns
    return min(MOST_PATIENCE_NS, max(PATIENCE_NS, 2 * leave.patience_ns))


def _hindrance(scene: Scene) -> str:
    """What says nothing about the time to spare."""
    if not scene.tracks:
        return "no lecture is recorded"
    if scene.processors < LEAST_PROCESSORS:
        return "this PC has a single processor"
    if scene.on_battery:
        return "this PC runs on its battery"
    if not scene.enough_space:
        return "the disk is short of space"
    if scene.others:
        return "another lecture is being finished"
    missing = [track.name for track in scene.tracks if not track.well]
    return f"{missing[0]} is not being recorded" if missing else ""


def _unknown(leave: Leave, scene: Scene) -> str:
    """Once it is at work, one look without an answer is none."""
    unknown = scene.free is None and not leave.granted
    return "it is not known how busy this PC is" if unknown else ""


def _strain(leave: Leave, scene: Scene) -> str:
    """What does, in words; empty: there is time."""
    for track in scene.tracks:
        if track.given_up:
            return f"{track.name}: {track.given_up}"
        if track.backlog >= WAITING:
            return f"{track.name}: what is to be encoded waits"
    if sum(track.dropped for track in scene.tracks) > leave.dropped:
        return "something was lost because nobody took it in time"
    if scene.throttled > leave.throttled:
        return "the processors are too hot"
    least = FREE_TO_GO_ON if leave.granted else FREE_TO_BEGIN
    if scene.free is not None and scene.free < least:
        return f"only {scene.free:.0%} of the processors are free"
    return ""
