"""The ledger's queues: the inbox for commands, the outbox for files and what destinations note."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_agent.clock import Now
from edge_agent.ledger_tables import Tables
from edge_agent.rows import Command, OutboxRow

if TYPE_CHECKING:
    from edge_agent.finish_messages import Artifact  # Pydantic: not for those who only read

MANIFEST = "manifest.json"
#: What a destination has no use for: names of files, by destination.
LeftOut: TypeAlias = Mapping[str, Collection[str]]

#: Another content of a file is another file to send.
_REPLACE = (
    "DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, attempts = 0,"
    " last_error = '', receipt = NULL, delivered_utc = NULL"
    " WHERE outbox.sha256 != excluded.sha256"
)
_BY_VALUE = (
    "SELECT outbox.* FROM outbox JOIN lectures ON lectures.id = outbox.lecture {}"
    " ORDER BY priority, lectures.rowid DESC, name"
)


class Inbox(Tables):
    """Commands of people and programs. Anybody posts, the supervisor answers."""

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

    def shorten_command(self, number: int, name: str) -> None:
        """Of an answered command: let go of a long argument. Commands are kept for ever."""
        self._db.execute(
            "UPDATE inbox SET args = json_remove(args, '$.' || ?) WHERE id = ?", (name, number)
        )


class Outbox(Tables):
    """Files on their way. The supervisor puts in, the upload process takes out."""

    def enqueue(
        self,
        lecture: str,
        artifacts: Iterable[Artifact],
        destinations: Iterable[str],
        left_out: LeftOut = MappingProxyType({}),
    ) -> None:
        """What is known already keeps its receipt. `left_out`: names, by destination."""
        self._enqueue(lecture, artifacts, destinations, left_out, "DO NOTHING")

    def enqueue_changed(
        self,
        lecture: str,
        artifacts: Iterable[Artifact],
        left_out: LeftOut = MappingProxyType({}),
    ) -> None:
        """A new revision of the package, for wherever the lecture goes: what changed goes again.

        Where the manifest does not go, a lecture is handed over once and for all: there only
        what has not arrived becomes what it is now. What is new comes along where nothing has
        arrived, if `left_out` names that destination.
        """
        files, rows = list(artifacts), self.outbox(lecture)
        places = {row.destination for row in rows if row.name == MANIFEST}
        begun = places | {row.destination for row in rows if row.receipt is not None}
        still_open = left_out.keys() & {row.destination for row in rows} - begun
        with self.transaction():
            self._enqueue(lecture, files, sorted(places), {}, _REPLACE)
            self._enqueue(lecture, files, sorted(still_open), left_out, _REPLACE)
            for row in rows:
                if row.destination not in places and row.receipt is None:
                    same = [file for file in files if file.name == row.name]
                    self._enqueue(lecture, same, [row.destination], {}, _REPLACE)

    def unqueue(self, lecture: str) -> None:
        """Of a lecture that goes on: none of it may have been sent."""
        self._db.execute("DELETE FROM outbox WHERE lecture = ?", (lecture,))

    def _enqueue(
        self,
        lecture: str,
        artifacts: Iterable[Artifact],
        places: Iterable[str],
        left_out: LeftOut,
        known: str,
    ) -> None:
        files = [artifact.model_dump() for artifact in artifacts]
        with self.transaction():
            for destination in places:
                for file in files:
                    if file["name"] in left_out.get(destination, ()):
                        continue
                    columns = {"lecture": lecture, "destination": destination, **file}
                    conflict = f"ON CONFLICT(lecture, destination, name) {known}"
                    self._insert("outbox", columns, conflict=conflict)

    def outbox(self, lecture: str | None = None) -> list[OutboxRow]:
        """In order of value: by priority, the newest lecture first within one priority.

        The newest is the one whose row was made last: ids begin with a clock that may be wrong.
        """
        where, values = ("WHERE lecture = ?", [lecture]) if lecture else ("", [])
        return [OutboxRow.of(row) for row in self._db.execute(_BY_VALUE.format(where), values)]

    def drop_outbox(self, lecture: str, names: Iterable[str]) -> None:
        """What the package has in another revision, for every destination."""
        for name in names:
            self._db.execute("DELETE FROM outbox WHERE lecture = ? AND name = ?", (lecture, name))

    def waiting(self) -> list[OutboxRow]:
        """Outbox rows without a receipt, in order of value; of what is held or in the bin none."""
        where = (
            "WHERE receipt IS NULL AND lectures.state != 'held' AND withheld = 0"
            " AND lecture NOT IN (SELECT lecture FROM bin)"
        )
        rows = self._db.execute(_BY_VALUE.format(where))
        return [OutboxRow.of(row) for row in rows]

    def delivered(self, row: OutboxRow, receipt: Mapping[str, Any], now: Now) -> None:
        self._update(
            "outbox",
            {"receipt": json.dumps(dict(receipt)), "delivered_utc": now.utc_text, "last_error": ""},
            row.version(),
        )

    def delivery_failed(self, row: OutboxRow, error: str) -> None:
        self._update("outbox", {"last_error": error, "attempts": row.attempts + 1}, row.version())

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
