"""What is wrong with a picture that keeps coming: covered, frozen, or no signal. Pure.

A camera under a cap, a driver that delivers one picture for ever and a grabber that paints a blue
screen all look like recordings that go well. An empty room at night looks like a covered camera,
so before a recording nothing is said unless somebody was heard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.messages import Sight  # Pydantic: not for those who only show a status

SECOND = 1_000_000_000

COVERED = "the camera is covered"
FROZEN = "the picture has frozen"
NO_SLIDES = "no picture of the slides"

ADVICE = {
    COVERED: "take away what is in front of the camera, or switch the light on",
    FROZEN: "unplug the camera and plug it in again",
    NO_SLIDES: "check the cable of the slides, and wake the computer that shows them",
}

#: Levels of 255. A covered lens was seen at a mean of 11.5 with 2.0 between the parts, a room at
#: 127 with 7.1; a dark hall with a bright screen in it has far more between its parts.
DARK, EVEN = 25.0, 6.0
#: Or so much of it is alike, where a network camera writes the time into a corner.
ALIKE, LEAST_ALIKE = 0.97, 0.95
COVERED_NS = 15 * SECOND
#: The least that a live sensor was seen to differ from second to second is 0.055.
SAME, FROZEN_NS = 0.02, 10 * SECOND
#: Slides: a dark or blue screen, for so long while somebody speaks.
BRIGHT, BLANK_NS = 180.0, 60 * SECOND
#: A picture of a grabber's own, mostly one colour with some words on it, has stood since the
#: recording began. Real slides of that look are changed within this time.
PLAIN, UNMOVED_NS = 0.85, 600 * SECOND
#: A word of longer ago is none.
FRESH_NS = 60 * SECOND
#: A warning ends when its reason has been gone for this long, and by so much more than its limit.
CLEAR_NS = 3 * SECOND
SLACK = 1.4


@dataclass(frozen=True, slots=True)
class Viewer:
    """What is remembered of one picture. Times are monotonic nanoseconds."""

    warning: str = ""
    #: Since when there has been the reason for the warning.
    since_ns: int = 0
    #: Since when, without a break.
    dark_ns: int | None = None
    same_ns: int | None = None
    blank_ns: int | None = None
    #: Since when the picture has been the same from the recording's first one on.
    unmoved_ns: int | None = None
    changed: bool = False
    clear_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What else is known at a look."""

    now_ns: int
    recording: bool
    #: Slides may stand still, and be dark; a camera may not.
    slides: bool
    #: When somebody was last heard, None for never.
    spoke_ns: int | None
    #: An even picture below this level is that of a covered camera.
    dark: float = DARK

    @property
    def spoken(self) -> bool:
        return self.spoke_ns is not None and self.now_ns - self.spoke_ns < FRESH_NS


def view(it: Viewer, scene: Scene, sight: Sight) -> Viewer:
    """After one more picture. Call it only for a picture that people may see."""
    if not (scene.recording or (scene.spoken and not scene.slides)):
        return Viewer()
    now_ns = scene.now_ns
    slack = SLACK if it.warning else 1.0
    same = sight.change is not None and sight.change < SAME * slack
    even = sight.spread < EVEN * slack
    alike = sight.plain >= (LEAST_ALIKE if it.warning else ALIKE)
    changed = it.changed or (sight.change is not None and not same)
    it = replace(
        it,
        dark_ns=_since(it.dark_ns, (even or alike) and sight.luma < scene.dark * slack, now_ns),
        same_ns=_since(it.same_ns, same, now_ns),
        blank_ns=_since(it.blank_ns, even and sight.luma < BRIGHT, now_ns),
        unmoved_ns=_since(it.unmoved_ns, not changed and _plain(sight), now_ns),
        changed=changed,
    )
    reason, since_ns = _of_slides(it, scene) if scene.slides else _of_camera(it, now_ns)
    if reason:
        since_ns = it.since_ns if reason == it.warning else since_ns
        return replace(it, warning=reason, since_ns=since_ns, clear_ns=None)
    clear_ns = now_ns if it.clear_ns is None else it.clear_ns
    if it.warning and now_ns - clear_ns < CLEAR_NS:
        return replace(it, clear_ns=clear_ns)
    return replace(it, warning="", clear_ns=None)


def _of_camera(it: Viewer, now_ns: int) -> tuple[str, int]:
    """A covered camera may well deliver one black picture for ever: that is not frozen."""
    if _lasts(it.dark_ns, now_ns, COVERED_NS):
        return COVERED, it.dark_ns or 0
    if it.dark_ns is None and _lasts(it.same_ns, now_ns, FROZEN_NS):
        return FROZEN, it.same_ns or 0
    return "", 0


def _of_slides(it: Viewer, scene: Scene) -> tuple[str, int]:
    """Slides that stand still are as they should be; a screen without any is told of only while
    somebody speaks. A warning that stands needs no word to stay."""
    if not (scene.spoken or it.warning):
        return "", 0
    for since_ns, least_ns in ((it.blank_ns, BLANK_NS), (it.unmoved_ns, UNMOVED_NS)):
        if _lasts(since_ns, scene.now_ns, least_ns):
            return NO_SLIDES, since_ns or 0
    return "", 0


def _plain(sight: Sight) -> bool:
    return sight.plain >= PLAIN and sight.luma < BRIGHT


def _since(before: int | None, true: bool, now_ns: int) -> int | None:
    if not true:
        return None
    return now_ns if before is None else before


def _lasts(since: int | None, now_ns: int, least_ns: int) -> bool:
    return since is not None and now_ns - since >= least_ns
