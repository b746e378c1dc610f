"""status.json: what the room is doing right now, for everybody who shows it.

Volatile and rewritten twice a second, so it lies on tmpfs and is never synced. Whoever reads it
must check that the agent's lock is held: a dead agent leaves its last status behind.
"""

from __future__ import annotations

import json
import os
from sqlite3 import OperationalError
from typing import Any

from edge_agent import __version__
from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.encoder_choice import EncoderChoice
from edge_agent.finishing import Finisher
from edge_agent.ledger import Ledger
from edge_agent.messages import Gone
from edge_agent.power_watch import PowerWatch
from edge_agent.privacy import Privacy
from edge_agent.rows import Lecture, Track
from edge_agent.rules.health import Phase
from edge_agent.rules.plan import DISK_FULL
from edge_agent.rules.space import FULL
from edge_agent.rules.timeline import START_NS
from edge_agent.schedule_watch import ScheduleWatch
from edge_agent.spool import Runtime

_FREE = "Free some space: it goes on by itself."


class StatusWriter:
    """Writes the status of one supervisor."""

    def __init__(
        self,
        room: str,
        runtime: Runtime,
        ledger: Ledger,
        recorders: dict[str, Recorder],
        tracks: list[Track],
        finisher: Finisher,
        encoders: EncoderChoice,
        privacy: Privacy,
        schedule: ScheduleWatch,
        power: PowerWatch,
    ) -> None:
        self._room = room
        self._runtime = runtime
        self._ledger = ledger
        self._recorders = recorders
        self._tracks = tracks
        self._finisher = finisher
        self._encoders = encoders
        self._privacy = privacy
        self._schedule = schedule
        self._power = power
        self._last: dict[str, Any] | None = None
        #: The tracks that the lecture under way lacks now, with the cause.
        self._gaps: dict[str, str] = {}

    def write(self, now: Now, free_bytes: int, trouble: str) -> None:
        """Replace the file. A runtime folder that is full or gone costs the status, no more."""
        fresh = self._runtime.status.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(self._status(now, free_bytes, trouble)))
            fresh.replace(self._runtime.status)
        except OSError:
            return

    def _status(self, now: Now, free_bytes: int, trouble: str) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "boot": now.boot,
            "mono_ns": now.mono_ns,
            "utc": now.utc_text,
            "version": __version__,
            "room": self._room,
            "clock_trust": now.trust,
            "muted": self._privacy.muted,
            "on_battery": self._power.on_battery,
            "lecture": self._lecture(now),
            "tracks": {track.name: self._track(track) for track in self._tracks},
            "failed_encoders": dict(self._encoders.failed),
            "finishing": self._finishing(),
            "schedule": self._schedule.status(),
            "spool": {"free_bytes": free_bytes, "trouble": trouble},
        }

    def _lecture(self, now: Now) -> dict[str, Any] | None:
        try:
            lecture = self._ledger.active()
            gaps = self._ledger.gaps(lecture.id) if lecture else []
        except OperationalError:
            return self._last  # the disk fails: better an old answer than none
        self._gaps = {gap.track: gap.cause for gap in gaps if gap.track and gap.end_ns is None}
        self._last = self._facts(lecture, now) if lecture else None
        return self._last

    def _facts(self, lecture: Lecture, now: Now) -> dict[str, Any]:
        return {
            "id": lecture.id,
            "state": str(lecture.state),
            "title": lecture.title,
            "course": lecture.course,
            "lecturer": lecture.lecturer,
            "booking": lecture.booking,
            "started_utc": lecture.started_utc,
            "until_utc": lecture.until_utc,
            "elapsed_s": (lecture.lecture_ns(now.mono_ns) - START_NS) / 1e9,
        }

    def _track(self, track: Track) -> dict[str, Any]:
        recorder = self._recorders[track.name]
        opened, words = recorder.opened, recorder.last_words or self._held_up(recorder)
        durable = recorder.durable_ns
        return {
            "phase": str(recorder.phase),
            "media": track.media,
            "flavor": track.flavor,
            "kind": recorder.spec.kind,
            "device": recorder.spec.device,
            "description": opened.description if opened else "",
            "width": opened.width if opened else 0,
            "height": opened.height if opened else 0,
            "fps": opened.fps if opened else 0.0,
            "codec": opened.codec if opened else "",
            "encoder": self._encoder(recorder),
            "durable_s": None if durable is None else (durable - START_NS) / 1e9,
            "dropped": recorder.dropped,
            "backlog": recorder.backlog,
            "peak": recorder.peak,
            "rms": recorder.rms,
            "sound": recorder.sound.model_dump() if recorder.sound else None,
            "given_up": recorder.given_up,
            "warning": recorder.senses.warning,
            "notice": recorder.senses.listener.hint,
            "cause": words.cause if words else "",
            "reason": words.reason if words else "",
            "hint": words.hint if words else "",
            "restarts": recorder.restarts,
            "preview": recorder.spec.preview if track.media == "video" else "",
        }

    def _held_up(self, recorder: Recorder) -> Gone | None:
        """Why a recorder that is ready does not record though it should."""
        if recorder.phase is Phase.ARMED and self._gaps.get(recorder.track) == DISK_FULL:
            return Gone(cause=DISK_FULL, reason=FULL, hint=_FREE)
        return None

    def _encoder(self, recorder: Recorder) -> str:
        if recorder.opened is None:
            return ""
        codec = recorder.spec.codec
        return self._encoders.shown(recorder.opened.encoder, recorder.encoder, codec)

    def _finishing(self) -> dict[str, Any] | None:
        lecture = self._finisher.lecture
        return {"lecture": lecture, "fraction": self._finisher.fraction} if lecture else None
