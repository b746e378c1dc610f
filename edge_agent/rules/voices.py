"""Can the audience hear the lecturer? Speech, not level, decides: a dead cable hums at full level.

Silence alone proves nothing: an exam is silent, and a forgotten recording is. So it takes evidence
that a lecture goes on (a voice in another microphone, something that moves in a picture) to warn of
a microphone without a voice; without evidence there is only a hint after a long time. Once warned
of, only a voice ends it: a lecturer who stands still for a minute is no news. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.messages import Sound  # Pydantic: not for those who only show a status

SECOND = 1_000_000_000

NOBODY = "nobody can be heard"
WENT_SILENT = "nobody can be heard any more"
TOO_QUIET = "the voice is too quiet"
TOO_LOUD = "the sound is too loud"
HUM = "the microphone hums"

ADVICE = {
    NOBODY: "switch the microphone on, and hold or pin it near the mouth",
    WENT_SILENT: "check the battery of the microphone and its switch",
    TOO_QUIET: "come closer to the microphone, or turn its level up",
    TOO_LOUD: "turn the level of the microphone down",
    HUM: "check the cable of the microphone and its plug",
}

_SILENT = (NOBODY, WENT_SILENT)

NEVER_NS = 30 * SECOND  # without a voice since the beginning
SILENT_NS = 90 * SECOND  # since the last word
HINT_NS = 300 * SECOND  # since either, with no evidence
FRESH_NS = 60 * SECOND  # evidence older than this is none
QUIET_LUFS, QUIET_NS = -38.0, 20 * SECOND
CLIPPED, CLIPPED_NS = 0.005, SECOND  # its share is that of three seconds already
HUM_LUFS, HUM_NS = -45.0, 10 * SECOND
#: A warning ends when its reason has been gone for this long.
CLEAR_NS = 5 * SECOND


@dataclass(frozen=True, slots=True)
class Hearing:
    """What depends on the room and on how it is used; the rest holds everywhere."""

    never_ns: int = NEVER_NS
    silent_ns: int = SILENT_NS
    quiet_lufs: float = QUIET_LUFS
    clipped: float = CLIPPED


USUAL = Hearing()


@dataclass(frozen=True, slots=True)
class Listener:
    """What is remembered of one microphone that records. Times are monotonic nanoseconds."""

    warning: str = ""
    #: Since when there has been the reason for the warning.
    since_ns: int = 0
    #: Too little to warn of.
    hint: str = ""
    began_ns: int | None = None
    spoke_ns: int | None = None
    #: Since when, without a break.
    quiet_ns: int | None = None
    clipped_ns: int | None = None
    hum_ns: int | None = None
    #: Since when there has been no reason for the warning.
    clear_ns: int | None = None


def listen(
    it: Listener,
    now_ns: int,
    sound: Sound | None,
    evidence_ns: int | None,
    limits: Hearing = USUAL,
) -> Listener:
    """After one more look. `sound` None: nothing is being recorded, or the room is muted.

    `evidence_ns`: when a lecture was last seen or heard to go on elsewhere, None for never.
    """
    if sound is None:
        return Listener()
    quiet = sound.speaking and sound.short_term < limits.quiet_lufs
    it = replace(
        it,
        began_ns=now_ns if it.began_ns is None else it.began_ns,
        spoke_ns=now_ns if sound.speaking else it.spoke_ns,
        quiet_ns=_since(it.quiet_ns, quiet, now_ns),
        clipped_ns=_since(it.clipped_ns, sound.clipped > limits.clipped, now_ns),
        hum_ns=_since(it.hum_ns, sound.tonal and sound.momentary > HUM_LUFS, now_ns),
    )
    evident = evidence_ns is not None and now_ns - evidence_ns < FRESH_NS
    reason, since_ns = _reason(it, now_ns, evident or it.warning in _SILENT, limits)
    hint = NOBODY if _silent_ns(it, now_ns) >= HINT_NS and not evident else ""
    if reason:
        since_ns = it.since_ns if reason == it.warning else since_ns
        return replace(it, warning=reason, since_ns=since_ns, hint="", clear_ns=None)
    clear_ns = now_ns if it.clear_ns is None else it.clear_ns
    if it.warning and now_ns - clear_ns < CLEAR_NS:
        return replace(it, hint=hint, clear_ns=clear_ns)
    return replace(it, warning="", hint=hint, clear_ns=None)


def _reason(it: Listener, now_ns: int, evident: bool, limits: Hearing) -> tuple[str, int]:
    """What is wrong, and since when."""
    for since_ns, least_ns, reason in (
        (it.clipped_ns, CLIPPED_NS, TOO_LOUD),
        (it.hum_ns, HUM_NS, HUM),
        (it.quiet_ns, QUIET_NS, TOO_QUIET),
    ):
        if since_ns is not None and now_ns - since_ns >= least_ns:
            return reason, since_ns
    never = it.spoke_ns is None
    reason, least_ns = (NOBODY, limits.never_ns) if never else (WENT_SILENT, limits.silent_ns)
    silent_ns = _silent_ns(it, now_ns)
    return (reason, now_ns - silent_ns) if evident and silent_ns >= least_ns else ("", 0)


def _silent_ns(it: Listener, now_ns: int) -> int:
    """Since the last word, or since the beginning if there was none."""
    since = it.spoke_ns if it.spoke_ns is not None else it.began_ns
    return 0 if since is None else now_ns - since


def _since(before: int | None, true: bool, now_ns: int) -> int | None:
    if not true:
        return None
    return now_ns if before is None else before
