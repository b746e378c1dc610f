"""Keep an eye on every track's sound and picture: tell once when something is wrong, and once when
it is over.

What is wrong is decided in `rules.guards` (nothing of worth comes), `rules.voices` (nobody can be
heard) and `rules.pictures`; here their memories are kept up to date, people are told, and what
stands in a lecture is stored with its beginning and end.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.rules import guards, pictures, voices
from edge_agent.rules.guards import advice
from edge_agent.rules.health import SECOND, Phase
from edge_agent.rules.stand_in import is_backup
from edge_agent.rules.timeline import START_NS

#: A recorder in one of these phases delivers levels and pictures.
PRESENT = (Phase.ARMED, Phase.RECORDING)
#: The kind of the event that ends a warning.
OVER = "over"
#: What is gone for less may come back: a voice that is too loud at each third word is one story.
SETTLED_NS = 30 * SECOND


class GuardWatch:
    """Of all tracks of the room: one is evidence for another. The limits are the room's own."""

    def __init__(
        self,
        ledger: Ledger,
        recorders: Mapping[str, Recorder],
        hearing: voices.Hearing = voices.USUAL,
        dark: float = pictures.DARK,
    ) -> None:
        self._ledger = ledger
        self._recorders = recorders
        self._hearing = hearing
        self._dark = dark

    def look(self, recorder: Recorder, now: Now, muted: bool) -> None:
        """Once a round for each recorder. May raise OperationalError; nothing is forgotten then."""
        if recorder.spec.media == "audio":
            self._hear(recorder, now, muted)
        else:
            self._view(recorder, now, muted)
        self._tell(recorder, now)

    def _hear(self, recorder: Recorder, now: Now, muted: bool) -> None:
        it = recorder.senses
        if recorder.phase not in PRESENT:
            it.guard = guards.Guard(heard_ns=now.mono_ns)
        it.guard = guards.watch(it.guard, now.mono_ns, None, muted)
        # A backup may well be too far away for a voice: only that it is dead is worth a word.
        heard = not muted and not is_backup(recorder.spec.flavor)
        recording = recorder.phase is Phase.RECORDING and heard
        it.listener = voices.listen(
            it.listener,
            now.mono_ns,
            recorder.sound if recording else None,
            self._evidence_ns(recorder),
            self._hearing,
        )

    def _view(self, recorder: Recorder, now: Now, muted: bool) -> None:
        it = recorder.senses
        sight, it.sight = it.sight, None
        if muted or recorder.phase not in PRESENT:
            it.viewer = pictures.Viewer()
        elif sight is not None:
            scene = pictures.Scene(
                now.mono_ns,
                recording=recorder.phase is Phase.RECORDING,
                slides=recorder.spec.still or recorder.spec.flavor.startswith("presentation/"),
                spoke_ns=self._spoke_ns(),
                dark=self._dark,
            )
            it.viewer = pictures.view(it.viewer, scene, sight)

    def _evidence_ns(self, recorder: Recorder) -> int | None:
        """When something else in the room last showed that a lecture goes on."""
        others = (each.senses for each in self._recorders.values() if each is not recorder)
        return max((it.lively_ns for it in others if it.lively_ns is not None), default=None)

    def _spoke_ns(self) -> int | None:
        """When somebody was last heard in the room."""
        everybody = (each.senses.spoke_ns for each in self._recorders.values())
        return max((spoke_ns for spoke_ns in everybody if spoke_ns is not None), default=None)

    def _tell(self, recorder: Recorder, now: Now) -> None:
        senses = recorder.senses
        warning, (before, lecture) = senses.warning, senses.told
        stands = (warning, recorder.lecture if warning else None)
        if before and not warning and recorder.lecture == lecture:
            senses.gone_ns = now.mono_ns if senses.gone_ns is None else senses.gone_ns
            if now.mono_ns - senses.gone_ns < SETTLED_NS:
                return
        elif stands == (before, lecture):
            senses.gone_ns = None
            return
        ended_ns = now.mono_ns if senses.gone_ns is None else senses.gone_ns
        with self._ledger.transaction():
            if before and lecture:
                self._end(recorder, lecture, ended_ns)
            if before and before != warning:
                self._ledger.add_event(now, OVER, before, lecture, recorder.track)
            if warning and (before != warning or recorder.lecture):
                self._begin(recorder, warning, now)
        senses.told, senses.gone_ns = stands, None
        if warning and warning != before:
            print(f"track {recorder.track}: {warning}: {advice(warning)}", file=sys.stderr)

    def _begin(self, recorder: Recorder, warning: str, now: Now) -> None:
        """In a lecture it stands from when its reason began: the warning itself comes later."""
        name, track = recorder.lecture, recorder.track
        if name is not None:
            lecture = self._ledger.existing(name)
            start_ns = max(START_NS, lecture.lecture_ns(recorder.senses.since_ns))
            self._ledger.open_warning(name, track, start_ns, warning)
        self._ledger.add_event(now, warning, advice(warning), name, track)

    def _end(self, recorder: Recorder, name: str, ended_ns: int) -> None:
        lecture = self._ledger.existing(name)
        self._ledger.close_warnings(name, recorder.track, lecture.lecture_ns(ended_ns))
