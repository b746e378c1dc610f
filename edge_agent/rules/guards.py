"""What is wrong with a track whose recorder is alive and well. Pure.

A microphone that was muted by its own switch, or swapped for another by the sound server, delivers
zeros for ever: no error, no gap, and a lecture without sound. A real microphone in the quietest
room still has noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_agent.rules import pictures, voices

SECOND = 1_000_000_000
#: A peak that no analogue microphone ever has: every sample is zero.
SILENCE_DBFS = -120.0
#: Warn after this long without a sample, or with zeros only.
WARN_NS = 3 * SECOND
#: A warning ends after this long with sound: a click is no cure.
CLEAR_NS = SECOND

NO_SAMPLES = "no samples"
DIGITAL_SILENCE = "digital silence"


def advice(warning: str) -> str:
    """What people can do about any warning of a track."""
    known = voices.ADVICE | pictures.ADVICE
    return known.get(warning, "check the microphone and its switch")


@dataclass(frozen=True, slots=True)
class Guard:
    """What is remembered of one microphone. Times are monotonic nanoseconds."""

    warning: str = ""
    heard_ns: int = 0
    #: Since when there have been zeros only, or (with a warning) sound without a break.
    zeros_ns: int | None = None
    sound_ns: int | None = None

    @property
    def since_ns(self) -> int:
        """Since when there has been the reason for the warning."""
        if self.warning == DIGITAL_SILENCE and self.zeros_ns is not None:
            return self.zeros_ns
        return self.heard_ns


def watch(guard: Guard, now_ns: int, peak: float | None, muted: bool) -> Guard:
    """The guard after one more look; `peak` None: no level has come since the last one."""
    if muted:
        return Guard(heard_ns=now_ns)
    if peak is None:
        late = now_ns - guard.heard_ns >= WARN_NS
        return replace(guard, warning=NO_SAMPLES, sound_ns=None) if late else guard
    guard = replace(guard, heard_ns=now_ns)
    if peak <= SILENCE_DBFS:
        zeros_ns = now_ns if guard.zeros_ns is None else guard.zeros_ns
        warning = DIGITAL_SILENCE if now_ns - zeros_ns >= WARN_NS else guard.warning
        return replace(guard, zeros_ns=zeros_ns, sound_ns=None, warning=warning)
    sound_ns = now_ns if guard.sound_ns is None else guard.sound_ns
    if guard.warning and now_ns - sound_ns < CLEAR_NS:
        return replace(guard, sound_ns=sound_ns)
    return Guard(heard_ns=now_ns, sound_ns=sound_ns)
