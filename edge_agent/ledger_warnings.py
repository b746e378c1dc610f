"""The ledger's table of what was wrong with a track of a lecture, and for how long."""

from __future__ import annotations

from edge_agent.ledger_tables import Tables
from edge_agent.rows import WarningRow


class Warnings(Tables):
    """Written by the supervisor."""

    def open_warning(self, lecture: str, track: str, start_ns: int, what: str) -> None:
        columns = {"lecture": lecture, "track": track, "start_ns": start_ns, "what": what}
        self._insert("warnings", columns)

    def close_warnings(self, lecture: str, track: str | None, end_ns: int) -> None:
        """Close this track's open warnings (with None: those of every track)."""
        self._db.execute(
            "UPDATE warnings SET end_ns = max(start_ns, ?)"
            " WHERE lecture = ? AND track = coalesce(?, track) AND end_ns IS NULL",
            (end_ns, lecture, track),
        )

    def warnings(self, lecture: str) -> list[WarningRow]:
        return [WarningRow.of(row) for row in self._of("warnings", lecture, "start_ns, id")]
