"""Was the test recording good? What each track gave, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.commands.finding import Finding, State
from edge_agent.commands.words import level
from edge_agent.rules.voices import CLIPPED, QUIET_LUFS

#: Below this there is no room: a microphone that is on hears its own noise.
DEAD_DBFS = -90.0
#: A voice near a microphone peaks far above this, also across a lectern.
FAINT_DBFS = -45.0
_MUTED = "switch it on, and look for a mute button, the battery of its transmitter, its plug"


@dataclass
class Seen:
    """The best and the worst that was seen of one track while it recorded."""

    name: str
    media: str = ""
    peak: float = -120.0
    loud: float = -120.0  # LUFS of three seconds
    clipped: float = 0.0
    speech: bool = False
    durable_s: float | None = None
    trouble: str = ""
    hint: str = ""
    phases: set[str] = field(default_factory=set)

    def look(self, track: Mapping[str, Any]) -> None:
        """Take in what the agent's status says of the track."""
        self.media = track["media"]
        self.phases.add(track["phase"])
        self.trouble, self.hint = track["reason"], track["hint"]
        if track["durable_s"] is not None:
            self.durable_s = track["durable_s"]
        if track["peak"] is not None:
            self.peak = max(self.peak, track["peak"])
        if sound := track["sound"]:
            self.loud = max(self.loud, sound["short_term"])
            self.clipped = max(self.clipped, sound["clipped"])
            self.speech = self.speech or sound["speaking"]


def judged(tracks: Iterable[Seen]) -> list[Finding]:
    """One sentence for each track, and one for a room without any sound."""
    seen = list(tracks)
    found = [_sound(each) if each.media == "audio" else _picture(each) for each in seen]
    if not any(each.media == "audio" for each in seen):
        fix = "plug a microphone in, then: edge-agent setup"
        found.append(Finding("no microphone: lectures would have no sound", State.WRONG, fix))
    return found


def _sound(it: Seen) -> Finding:
    what = f"{it.name}: loudest {level(it.peak)}"
    if not it.phases & {"armed", "recording"}:
        return _dead(it)
    if it.peak <= DEAD_DBFS:
        return Finding(f"{it.name}: no sound ({level(it.peak)})", State.WRONG, _MUTED)
    if it.clipped > CLIPPED:
        fix = "turn its level down, then: edge-agent setup"
        return Finding(f"{what}, too loud: it is cut off", State.WRONG, fix)
    if it.peak < FAINT_DBFS:
        fix = "speak into it during the test; if you did: turn its level up, or come closer"
        return Finding(f"{what}, too quiet for a voice", State.NOTE, fix)
    if it.speech and -70 < it.loud < QUIET_LUFS:
        fix = "come closer to the microphone, or turn its level up"
        return Finding(f"{what}, a voice, but too quiet", State.NOTE, fix)
    return Finding(f"{what}, {'a voice was heard' if it.speech else 'sound arrives'}")


def _picture(it: Seen) -> Finding:
    if not it.phases & {"armed", "recording"}:
        return _dead(it)
    if "recording" in it.phases and it.durable_s is None:
        fix = f"try it: edge-agent devices test {it.name}"
        return Finding(f"{it.name}: nothing came onto the disk", State.WRONG, fix)
    return Finding(f"{it.name}: pictures arrive")


def _dead(it: Seen) -> Finding:
    fix = it.hint or f"try it: edge-agent devices test {it.name}"
    return Finding(f"{it.name}: {it.trouble or 'it did not start in time'}", State.WRONG, fix)
