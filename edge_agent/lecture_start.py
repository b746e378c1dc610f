"""How a lecture begins, whoever wants it: people by a command, or the timetable.

In three steps, so that each caller stores its own facts along: a draft, the file in the lecture's
folder, and the rows. A lecture that is in the ledger exists on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from edge_agent import lecture_file
from edge_agent.clock import Now, rfc3339
from edge_agent.config import Config
from edge_agent.ids import uuid7
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture, Track
from edge_agent.rules import space
from edge_agent.rules.lecture import Event, State, advance
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool

AUDIO_KBPS = 96
DETAILS = ("title", "course", "lecturer", "language", "licence")


class LectureStart:
    """Makes the lectures of one room."""

    def __init__(self, config: Config, spool: Spool, ledger: Ledger, tracks: list[Track]) -> None:
        self._config = config
        self._spool = spool
        self._ledger = ledger
        #: The room's tracks; each lecture gets its own rows of them.
        self._tracks = tracks

    def draft(
        self,
        given: Mapping[str, Any],
        until: datetime | None,
        now: Now,
        booked: Mapping[str, Any] = MappingProxyType({}),
    ) -> Lecture:
        """A lecture that begins now; `booked`: the columns of its booking, which may be longer."""
        details: dict[str, Any] = {
            k: str(given.get(k) or getattr(self._config.lecture, k, "")) for k in DETAILS
        }
        longest = until - now.utc if booked and until else self._longest(until, now)
        return Lecture(
            id=uuid7(int(now.utc.timestamp() * 1e9)),
            state=advance(State.PLANNED, Event.START),
            started_utc=now.utc_text,
            clock_trust=now.trust,
            epoch_boot=now.boot,
            epoch_ns=now.mono_ns - START_NS,
            started_boot=now.boot,
            started_mono_ns=now.mono_ns,
            room=self._config.room.name,
            until_utc=rfc3339(until) if until else None,
            until_ns=START_NS + int(longest.total_seconds() * 1e9),
            **details,
            **booked,
        )

    def put_down(self, lecture: Lecture) -> list[Track]:
        """The lecture's file, before the ledger has it; its tracks. Raises OSError.

        Then nothing of it stays: people are told that it has not begun, and a file that is there
        though its sync failed would come to life at the next start, in place of the lecture that
        is under way by then.
        """
        tracks = [replace(track, lecture=lecture.id) for track in self._tracks]
        try:
            lecture_file.write(self._spool.facts(lecture.id), lecture, tracks)
        except OSError:
            shutil.rmtree(self._spool.lecture(lecture.id), ignore_errors=True)
            raise
        return tracks

    def enter(self, lecture: Lecture, tracks: list[Track]) -> None:
        """Into the ledger. Only inside a transaction."""
        self._ledger.add_lecture(lecture, tracks)
        if self._ledger.muted():
            self._ledger.open_mute(lecture.id, START_NS)

    def warning(self, until: datetime | None, now: Now) -> dict[str, str]:
        """The answer's warning when the space may not last for the lecture."""
        free = shutil.disk_usage(self._spool.root).free
        planned = self._longest(until, now) if until else None
        hours = planned.total_seconds() / 3600 if planned else None
        text = space.warning(free, (self._kbps(track) for track in self._tracks), hours)
        return {"warning": text} if text else {}

    def _kbps(self, track: Track) -> int:
        """What a track needs at most, or is taken to need."""
        config = self._config.tracks.get(track.name)
        if track.media == "audio":
            return config.audio_kbps if config else AUDIO_KBPS
        return (config.max_kbps if config else None) or space.VIDEO_KBPS

    def _longest(self, until: datetime | None, now: Now) -> timedelta:
        """How long the lecture may last: to its planned end, or what the configuration allows."""
        most = timedelta(hours=self._config.recording.max_hours)
        return min(until - now.utc, most) if until else most
