"""The ledger: what the processes of one room know together. The only module with SQL.

WAL with synchronous=FULL: NORMAL was measured to lose 10 to 16 committed rows at a power cut. Each
column has one writing process (see `edge_agent.migrations`). Reading opens the file read-only, so
`edge-agent status` works, and stays harmless, when the agent is down.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.clock import Now
from edge_agent.rows import Command, Event, Gap, Lecture, MarkRow, Mute, OutboxRow, Segment, Track
from edge_agent.rules.lecture import ACTIVE, State

if TYPE_CHECKING:
    from edge_agent.messages import Artifact, TrackSound  # Pydantic: not for those who only read

#: Another process may hold the write lock for one commit, 0.3 s on a slow disk; 10 s is a fault.
BUSY_TIMEOUT_MS = 10_000
_BY_VALUE = (
    "SELECT outbox.* FROM outbox JOIN lectures ON lectures.id = outbox.lecture {}"
    " ORDER BY priority, lectures.rowid DESC, name"
)


class LedgerMissing(Exception):
    """There is no ledger yet: the agent has never run with this spool."""


class Ledger:
    """One connection to the ledger, used by the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.row_factory = sqlite3.Row

    # ------------------------------------------------------------ opening

    @classmethod
    def create(cls, path: Path) -> Ledger:
        """Open for writing and bring the schema up to date. Only the supervisor does this."""
        from sqlite_utils import Database

        from edge_agent.migrations import ledger as migrations

        connection = _connect(path, "rwc")
        connection.execute("PRAGMA journal_mode=WAL")
        migrations.apply(Database(connection))
        return cls(connection)

    @classmethod
    def write(cls, path: Path) -> Ledger:
        """Open an existing ledger for writing, schema as it is."""
        return cls(_open_existing(path, "rw"))

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Open an existing ledger for reading only."""
        ledger = cls(_open_existing(path, "ro"))
        try:
            ledger.lecture("")
        except sqlite3.OperationalError:
            # WAL needs files beside the ledger that this user may not make. They are absent only
            # when nobody has the ledger open: then it stands still, and can be read without them.
            if path.with_name(path.name + "-wal").exists():
                raise
            ledger.close()
            return cls(_open_existing(path, "ro&immutable=1"))
        return ledger

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable on return; nests into the transaction already begun."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full or failing disk may have rolled back by itself
                self._db.execute("ROLLBACK")
            raise

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when sound."""
        found = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check")]
        found += [
            f"foreign key: {tuple(row)}" for row in self._db.execute("PRAGMA foreign_key_check")
        ]
        return [] if found == ["ok"] else [line for line in found if line != "ok"]

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns; none when there is no such table."""
        rows = self._db.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return {row["name"] for row in rows}

    # ------------------------------------------------------------ lectures

    def add_lecture(self, lecture: Lecture, tracks: Iterable[Track]) -> None:
        with self.transaction():
            self._insert("lectures", lecture.columns())
            for track in tracks:
                self._insert("tracks", track.columns())

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
        """A lecture that a plan or a row names, so that it must be there."""
        found = self.lecture(lecture)
        if found is None:
            raise KeyError(f"the ledger has no lecture {lecture}")
        return found

    def lectures(self, *states: State) -> list[Lecture]:
        """In the order of their starts, whatever the clock said; all when no state is named."""
        return [Lecture.of(row) for row in self._in_states("*", states)]

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

    # ------------------------------------------------------------ inbox

    def post(
        self, verb: str, args: Mapping[str, Any], *, key: str, origin: str, now: Now, ttl_ns: int
    ) -> int:
        """Put a command into the inbox and return its id.

        The same key again returns the first command's id and posts nothing, so that a client
        which lost the answer may ask again. Past `ttl_ns`, or after a reboot, it is refused.
        """
        with self.transaction():
            self._insert(
                "inbox",
                {
                    "key": key,
                    "verb": verb,
                    "args": json.dumps(dict(args)),
                    "origin": origin,
                    "boot": now.boot,
                    "expires_ns": now.mono_ns + ttl_ns,
                    "issued_utc": now.utc_text,
                },
                conflict="ON CONFLICT(key) DO NOTHING",
            )
            row = self._db.execute("SELECT id FROM inbox WHERE key = ?", (key,)).fetchone()
        return int(row["id"])

    def new_commands(self) -> list[Command]:
        rows = self._db.execute("SELECT * FROM inbox WHERE state = 'new' ORDER BY id")
        return [Command.of(row) for row in rows]

    def command(self, number: int) -> Command | None:
        row = self._db.execute("SELECT * FROM inbox WHERE id = ?", (number,)).fetchone()
        return Command.of(row) if row else None

    def answer(self, number: int, answer: Mapping[str, Any], now: Now) -> None:
        """Store the answer to a command; an error is told by the key "error" in it."""
        state = "refused" if "error" in answer else "done"
        self._update(
            "inbox",
            {"state": state, "answer": json.dumps(dict(answer)), "answered_utc": now.utc_text},
            {"id": number},
        )

    # ------------------------------------------------------------ outbox

    def package(
        self,
        lecture: str,
        state: State,
        duration_s: float,
        artifacts: Iterable[Artifact],
        destinations: Iterable[str],
        sound: Iterable[TrackSound] = (),
        **more: Any,
    ) -> None:
        """PACKAGED and the outbox rows in one transaction: neither exists without the other.

        `more`: further columns of the lecture.
        """
        files = list(artifacts)
        known = "ON CONFLICT(lecture, destination, name) DO NOTHING"  # its receipt stays
        with self.transaction():
            self.set_state(lecture, state, duration_s=duration_s, reason="", **more)
            for it in sound:
                columns = it.model_dump(exclude={"track"})
                self._update("tracks", columns, {"lecture": lecture, "name": it.track})
            for destination in destinations:
                for file in files:
                    columns = {"lecture": lecture, "destination": destination, **file.model_dump()}
                    self._insert("outbox", columns, conflict=known)

    def add_renditions(self, lecture: str, artifacts: Iterable[Artifact]) -> None:
        """A new revision of the package, for wherever the lecture goes: what changed goes again."""
        known = (
            "ON CONFLICT(lecture, destination, name) DO UPDATE SET bytes = excluded.bytes,"
            " sha256 = excluded.sha256, attempts = 0, last_error = '', receipt = NULL,"
            " delivered_utc = NULL WHERE outbox.sha256 != excluded.sha256"
        )
        files = list(artifacts)
        with self.transaction():
            for destination in dict.fromkeys(row.destination for row in self.outbox(lecture)):
                for file in files:
                    columns = {"lecture": lecture, "destination": destination, **file.model_dump()}
                    self._insert("outbox", columns, conflict=known)

    def wanting_renditions(self) -> list[Lecture]:
        """Lectures whose small versions are not made yet, in the order of their starts."""
        query = "SELECT * FROM lectures WHERE renditions = 'wanted' ORDER BY rowid"
        return [Lecture.of(row) for row in self._db.execute(query)]

    def outbox(self, lecture: str | None = None) -> list[OutboxRow]:
        """In order of value: by priority, the newest lecture first within one priority.

        The newest is the one whose row was made last: ids begin with a clock that may be wrong.
        """
        where, values = ("WHERE lecture = ?", [lecture]) if lecture else ("", [])
        return [OutboxRow.of(row) for row in self._db.execute(_BY_VALUE.format(where), values)]

    def waiting(self) -> list[OutboxRow]:
        """Outbox rows without a receipt, in order of value."""
        rows = self._db.execute(_BY_VALUE.format("WHERE receipt IS NULL"))
        return [OutboxRow.of(row) for row in rows]

    def delivered(self, row: OutboxRow, receipt: Mapping[str, Any], now: Now) -> None:
        self._update(
            "outbox",
            {"receipt": json.dumps(dict(receipt)), "delivered_utc": now.utc_text, "last_error": ""},
            row.version(),
        )

    def delivery_failed(self, row: OutboxRow, error: str) -> None:
        self._update("outbox", {"last_error": error, "attempts": row.attempts + 1}, row.version())

    # ------------------------------------------------------------ transfers

    def transfer(
        self, destination: str, lecture: str, name: str, sha256: str
    ) -> dict[str, Any] | None:
        """What a destination wanted to find again about these bytes."""
        row = self._db.execute(
            "SELECT note FROM transfers"
            " WHERE destination = ? AND lecture = ? AND name = ? AND sha256 = ?",
            (destination, lecture, name, sha256),
        ).fetchone()
        note = json.loads(row["note"]) if row else None
        return note if isinstance(note, dict) else None

    def set_transfer(
        self, destination: str, lecture: str, name: str, sha256: str, note: Mapping[str, Any]
    ) -> None:
        columns = {"destination": destination, "lecture": lecture, "name": name, "sha256": sha256}
        self._insert("transfers", {**columns, "note": json.dumps(dict(note))}, verb="REPLACE")

    def drop_transfer(self, destination: str, lecture: str, name: str, sha256: str) -> None:
        self._db.execute(
            "DELETE FROM transfers"
            " WHERE destination = ? AND lecture = ? AND name = ? AND sha256 = ?",
            (destination, lecture, name, sha256),
        )

    # ------------------------------------------------------------ helpers

    def _in_states(self, columns: str, states: Sequence[State]) -> sqlite3.Cursor:
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        query = f"SELECT {columns} FROM lectures {where} ORDER BY rowid"
        return self._db.execute(query, [str(state) for state in states])

    def _of(self, table: str, lecture: str, order: str) -> sqlite3.Cursor:
        query = f"SELECT * FROM {table} WHERE lecture = ? ORDER BY {order}"
        return self._db.execute(query, (lecture,))

    def _insert(
        self, table: str, columns: Mapping[str, Any], verb: str = "INSERT", conflict: str = ""
    ) -> None:
        """`conflict` names its key: OR IGNORE would pass over every other fault as well."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._db.execute(
            f"{verb} INTO {table} ({names}) VALUES ({marks}) {conflict}", list(columns.values())
        )

    def _update(self, table: str, columns: Mapping[str, Any], key: Mapping[str, Any]) -> None:
        sets = ", ".join(f"{name} = ?" for name in columns)
        where = " AND ".join(f"{name} = ?" for name in key)
        self._db.execute(
            f"UPDATE {table} SET {sets} WHERE {where}",
            [*columns.values(), *key.values()],
        )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Autocommit: transactions are begun and ended by `Ledger.transaction` alone."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    if not mode.startswith("ro"):
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _open_existing(path: Path, mode: str) -> sqlite3.Connection:
    if not path.exists():
        raise LedgerMissing(str(path))
    return _connect(path, mode)
