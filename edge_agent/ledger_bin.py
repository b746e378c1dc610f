"""The ledger's table of lectures that people have thrown away and may still take back."""

from __future__ import annotations

from edge_agent.ledger_tables import Tables
from edge_agent.rows import BinRow


class Bin(Tables):
    """Written by the supervisor. What is in it is neither sent nor made smaller."""

    def put_into_bin(self, row: BinRow) -> None:
        self._insert("bin", row.columns())

    def date_deleted(self, lecture: str, utc: str, trust: str) -> None:
        """Its time in the bin begins now."""
        self._update("bin", {"deleted_utc": utc, "trust": trust}, {"lecture": lecture})

    def take_out_of_bin(self, lecture: str) -> None:
        self._db.execute("DELETE FROM bin WHERE lecture = ?", (lecture,))

    def bin(self) -> list[BinRow]:
        """In the order in which they were thrown away."""
        return [BinRow.of(row) for row in self._db.execute("SELECT * FROM bin ORDER BY rowid")]

    def binned(self) -> frozenset[str]:
        return frozenset(row["lecture"] for row in self._db.execute("SELECT lecture FROM bin"))

    def drop_waiting(self, lecture: str) -> None:
        """Its files that have not arrived will not be sent any more."""
        self._db.execute("DELETE FROM outbox WHERE lecture = ? AND receipt IS NULL", (lecture,))
