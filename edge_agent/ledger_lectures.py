"""The ledger's tables about lectures: tracks, segments, gaps, marks, events, privacy mute."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from edge_agent.clock import Now
from edge_agent.ledger_tables import Tables
from edge_agent.rows import Event, Gap, Lecture, MarkRow, Mute, Segment, Track
from edge_agent.rules.lecture import ACTIVE, WITH_PACKAGE, State


class LectureMissing(LookupError):
    """Somebody has put another ledger in place, in part or as a whole, since it was named."""


class Lectures(Tables):
    """What was recorded and what came of it. Written by the supervisor."""

    def add_lecture(self, lecture: Lecture, tracks: Iterable[Track]) -> None:
        with self.transaction():
            self._insert("lectures", lecture.columns())
            for track in tracks:
                self._insert("tracks", track.columns())

    def put_lecture(self, lecture: Lecture, tracks: Sequence[Track], gaps: Iterable[Gap]) -> None:
        """As it was, whatever this ledger knows of it; segments, marks and mutes stay."""
        with self.transaction():
            if self.lecture(lecture.id) is None:
                self.add_lecture(lecture, tracks)
            self._update("lectures", lecture.columns(), {"id": lecture.id})
            for track in tracks:
                self._update("tracks", track.columns(), {"lecture": lecture.id, "name": track.name})
            self._db.execute("DELETE FROM gaps WHERE lecture = ?", (lecture.id,))
            for gap in gaps:
                self.add_gap(gap)

    def set_state(self, lecture: str, state: State, **columns: Any) -> None:
        """Store a state that `rules.lecture.advance` gave, with what belongs to it."""
        self._update("lectures", {"state": str(state), **columns}, {"id": lecture})

    def set_lecture(self, lecture: str, **columns: Any) -> None:
        self._update("lectures", columns, {"id": lecture})

    def set_canvas(self, lecture: str, track: str, width: int, height: int, device: str) -> None:
        self._update(
            "tracks",
            {"width": width, "height": height, "device": device},
            {"lecture": lecture, "name": track},
        )

    def lecture(self, lecture: str) -> Lecture | None:
        row = self._db.execute("SELECT * FROM lectures WHERE id = ?", (lecture,)).fetchone()
        return Lecture.of(row) if row else None

    def existing(self, lecture: str) -> Lecture:
        """A lecture that a plan or a row names, so that it must be there. Raises LectureMissing."""
        found = self.lecture(lecture)
        if found is None:
            raise LectureMissing(f"there is no lecture {lecture} in it any more")
        return found

    def lectures(self, *states: State) -> list[Lecture]:
        """In the order of their starts, whatever the clock said; all when no state is named."""
        return [Lecture.of(row) for row in self._in_states("*", states)]

    def latest(self, count: int) -> list[Lecture]:
        """The last so many, the latest first."""
        rows = self._db.execute("SELECT * FROM lectures ORDER BY rowid DESC LIMIT ?", (count,))
        return [Lecture.of(row) for row in rows]

    def ids(self, *states: State) -> list[str]:
        """The ids of `lectures`, for who needs no more: a room keeps hundreds for months."""
        return [row["id"] for row in self._in_states("id", states)]

    def received(self) -> list[str]:
        """The packaged lectures of which every file has its receipt, and none is still to come."""
        rows = self._db.execute(
            "SELECT id FROM lectures WHERE state = ? AND renditions != 'wanted'"
            " AND EXISTS (SELECT 1 FROM outbox WHERE lecture = id)"
            " AND NOT EXISTS (SELECT 1 FROM outbox WHERE lecture = id AND receipt IS NULL)"
            " ORDER BY lectures.rowid",
            (str(State.PACKAGED),),
        )
        return [row["id"] for row in rows]

    def releasable(self) -> list[Lecture]:
        """The held lectures that people do not hold, in the order of their starts."""
        query = "SELECT * FROM lectures WHERE state = ? AND withheld = 0 ORDER BY rowid"
        return [Lecture.of(row) for row in self._db.execute(query, (str(State.HELD),))]

    def staying(self) -> list[str]:
        """Lectures of which nothing may leave."""
        query = "SELECT id FROM lectures WHERE state = ? OR withheld = 1"
        return [row["id"] for row in self._db.execute(query, (str(State.HELD),))]

    def edited(self) -> list[str]:
        """Lectures whose package does not have the last change of their details."""
        marks = ",".join("?" * len(WITH_PACKAGE))
        query = f"SELECT id FROM lectures WHERE edits > edits_done AND state IN ({marks})"
        found = self._db.execute(query, [str(state) for state in WITH_PACKAGE])
        return [row["id"] for row in found]

    def unsent(self) -> list[str]:
        """Lectures that have ended, and of which no file has a receipt."""
        states = (State.FINISHING, State.FAILED, State.HELD, State.PACKAGED)
        marks = ",".join("?" * len(states))
        rows = self._db.execute(
            f"SELECT id FROM lectures WHERE state IN ({marks}) AND NOT EXISTS"
            " (SELECT 1 FROM outbox WHERE lecture = lectures.id AND receipt IS NOT NULL)",
            [str(state) for state in states],
        )
        return [row["id"] for row in rows]

    def wanting_renditions(self) -> list[Lecture]:
        """Lectures whose small versions are not made yet, in the order of their starts."""
        query = (
            "SELECT * FROM lectures WHERE renditions = 'wanted'"
            " AND id NOT IN (SELECT lecture FROM bin) ORDER BY rowid"
        )
        return [Lecture.of(row) for row in self._db.execute(query)]

    def active(self) -> Lecture | None:
        """The lecture under way (recording or paused), if any."""
        return next(iter(self.lectures(*ACTIVE)), None)

    def tracks(self, lecture: str) -> list[Track]:
        return [Track.of(row) for row in self._of("tracks", lecture, "name")]

    # ------------------------------------------------------------ segments, gaps, marks, events

    def add_segment(self, segment: Segment, drift_ppm: float | None = None) -> None:
        """Idempotent: the message may come after recovery has found the file by itself.

        With what is known by then of the microphone's clock: a crash costs no more than that.
        """
        with self.transaction():
            self._insert("segments", segment.columns(), verb="REPLACE")
            if drift_ppm is not None:
                key = {"lecture": segment.lecture, "name": segment.track}
                self._update("tracks", {"drift_ppm": drift_ppm}, key)

    def drop_segment(self, lecture: str, track: str, seq: int) -> None:
        self._db.execute(
            "DELETE FROM segments WHERE lecture = ? AND track = ? AND seq = ?",
            (lecture, track, seq),
        )

    def drop_segments(self, lecture: str) -> None:
        self._db.execute("DELETE FROM segments WHERE lecture = ?", (lecture,))

    def segments(self, lecture: str) -> list[Segment]:
        return [Segment.of(row) for row in self._of("segments", lecture, "track, seq")]

    def open_gap(self, lecture: str, track: str | None, start_ns: int, cause: str) -> None:
        self._insert(
            "gaps", {"lecture": lecture, "track": track, "start_ns": start_ns, "cause": cause}
        )

    def add_gap(self, gap: Gap) -> None:
        """A gap as it was, in a ledger that is built anew."""
        self._insert("gaps", gap.columns())

    def close_gaps(self, lecture: str, track: str | None, end_ns: int) -> None:
        """Close this track's open gaps (with None: the ones of every track)."""
        self._db.execute(
            "UPDATE gaps SET end_ns = max(start_ns, ?)"
            " WHERE lecture = ? AND track IS ? AND end_ns IS NULL",
            (end_ns, lecture, track),
        )

    def gaps(self, lecture: str) -> list[Gap]:
        return [Gap.of(row) for row in self._of("gaps", lecture, "start_ns, id")]

    def add_mark(self, lecture: str, at_ns: int, text: str) -> None:
        self._insert("marks", {"lecture": lecture, "at_ns": at_ns, "text": text})

    def marks(self, lecture: str) -> list[MarkRow]:
        return [MarkRow.of(row) for row in self._of("marks", lecture, "at_ns, id")]

    def add_event(
        self, now: Now, kind: str, text: str, lecture: str | None = None, track: str | None = None
    ) -> None:
        self._insert(
            "events",
            {
                "utc": now.utc_text,
                "boot": now.boot,
                "mono_ns": now.mono_ns,
                "lecture": lecture,
                "track": track,
                "kind": kind,
                "text": text,
            },
        )

    def events(self, lecture: str) -> list[Event]:
        return [Event.of(row) for row in self._of("events", lecture, "id")]

    def last_events(self, count: int) -> list[Event]:
        """Of the whole room, the latest first."""
        rows = self._db.execute("SELECT * FROM events ORDER BY id DESC LIMIT ?", (count,))
        return [Event.of(row) for row in rows]

    # ------------------------------------------------------------ privacy mute

    def muted(self) -> bool:
        """Whether the room is muted."""
        return bool(self._db.execute("SELECT muted FROM room").fetchone()["muted"])

    def set_muted(self, muted: bool) -> None:
        self._update("room", {"muted": int(muted)}, {"id": 1})

    def open_mute(self, lecture: str, start_ns: int) -> None:
        self._insert("mutes", {"lecture": lecture, "start_ns": start_ns})

    def close_mutes(self, lecture: str, end_ns: int) -> None:
        self._db.execute(
            "UPDATE mutes SET end_ns = max(start_ns, ?) WHERE lecture = ? AND end_ns IS NULL",
            (end_ns, lecture),
        )

    def mutes(self, lecture: str) -> list[Mute]:
        return [Mute.of(row) for row in self._of("mutes", lecture, "start_ns, id")]

    def _in_states(self, columns: str, states: Sequence[State]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        query = f"SELECT {columns} FROM lectures {where} ORDER BY rowid"
        return self._db.execute(query, [str(state) for state in states])
