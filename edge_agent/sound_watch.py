"""Keep an eye on every microphone's sound, and tell once when something is wrong with it.

What is wrong is decided in `rules.guards` (nothing of worth comes) and `rules.voices` (nobody can
be heard); here their memories are kept up to date, and people are told.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.rules import guards, voices
from edge_agent.rules.health import Phase

#: A recorder in one of these phases delivers levels.
HEARABLE = (Phase.ARMED, Phase.RECORDING)
ADVICE = "check the microphone and its switch"


class SoundWatch:
    """Of all microphones of the room: one is evidence for another."""

    def __init__(self, ledger: Ledger, recorders: Mapping[str, Recorder]) -> None:
        self._ledger = ledger
        self._recorders = recorders

    def look(self, recorder: Recorder, now: Now, muted: bool) -> None:
        """Once a round for each recorder. May raise OperationalError; nothing is forgotten then."""
        if recorder.spec.media != "audio" or recorder.phase not in HEARABLE:
            recorder.guard = guards.Guard(heard_ns=now.mono_ns)
        recorder.guard = guards.watch(recorder.guard, now.mono_ns, None, muted)
        recording = recorder.phase is Phase.RECORDING and not muted
        recorder.listener = voices.listen(
            recorder.listener,
            now.mono_ns,
            recorder.sound if recording else None,
            self._evidence_ns(recorder),
        )
        self._tell(recorder, now)

    def _evidence_ns(self, recorder: Recorder) -> int | None:
        """When something else in the room last showed that a lecture goes on."""
        seen = [
            each.lively_ns
            for each in self._recorders.values()
            if each is not recorder and each.lively_ns is not None
        ]
        return max(seen, default=None)

    def _tell(self, recorder: Recorder, now: Now) -> None:
        warning = recorder.warning
        if warning and warning != recorder.warned:
            advice = voices.ADVICE.get(warning, ADVICE)
            print(f"track {recorder.track}: {warning}: {advice}", file=sys.stderr)
            self._ledger.add_event(now, warning, advice, recorder.lecture, recorder.track)
        recorder.warned = warning
