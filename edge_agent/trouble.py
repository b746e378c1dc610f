"""What the supervisor does when disk or ledger refuse: say so, go on with the rest, try again.

Nothing is lost by it. What the plan wanted is wanted in the next round as well, because the facts
have not changed; reports of recorders wait in their order.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Hashable, Iterable

from edge_agent import disk_words
from edge_agent.ballast import Ballast, is_full
from edge_agent.ledger_lectures import LectureMissing
from edge_agent.rules.health import SECOND

#: How disk and ledger refuse: full, failing, read-only; or replaced this very moment, which the
#: next round notices and mends.
REFUSALS = (OSError, sqlite3.OperationalError, LectureMissing)
#: How SQLite says that the ledger's content is spoilt.
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
#: Rows that contradict each other, as no agent writes them: perhaps the file is older in parts.
DOUBT = (sqlite3.SQLITE_CONSTRAINT,)
#: How SQLite says that the disk is broken; which way only the disk knows.
BROKEN = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
RETRY_NS = SECOND


class Trouble:
    """Runs effects that may be refused, and remembers what to tell people."""

    def __init__(self, ballast: Ballast) -> None:
        self._ballast = ballast
        #: What was refused → why, and the monotonic time at which it is tried again.
        self._refused: dict[Hashable, tuple[str, int]] = {}
        self._damage = ""

    @property
    def text(self) -> str:
        """What is being refused now; empty when all is well."""
        return "; ".join(sorted({why for why, _ in self._refused.values()}))

    def attempt(self, what: Hashable, effect: Callable[[], None], now_ns: int) -> bool:
        """Run an effect, at most once a second while it is refused. True if it was done."""
        why, due_ns = self._refused.get(what, ("", 0))
        if now_ns < due_ns:
            return False
        try:
            effect()
        except REFUSALS as error:
            self._note(what, error, why, now_ns)
            return False
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGE + DOUBT:
                raise
            self._damage = str(error)
            self._note(what, error, why, now_ns)
            return False
        self._refused.pop(what, None)
        return True

    def damage(self) -> str:
        """What SQLite has found wrong with the ledger's content since the last call."""
        found, self._damage = self._damage, ""
        return found

    def forget_all_but(self, wanted: Iterable[Hashable]) -> None:
        """Actions that are no longer wanted are no trouble any more.

        A step has a name: it is tried in each round, so that only its success ends the trouble.
        """
        for what in self._refused.keys() - set(wanted):
            if not isinstance(what, str):
                del self._refused[what]

    def _note(self, what: Hashable, error: Exception, before: str, now_ns: int) -> None:
        text = _words(error)
        # With its reserve back the ledger can write at once. Where a quota is full and the disk is
        # not, the reserve comes back as well, and is no help.
        eased = is_full(error) and self._ballast.give_up()
        delay_ns = 0 if eased and not before else RETRY_NS
        if text != before:
            print(f"refused: {what}: {text}", file=sys.stderr)
        self._refused[what] = (text, now_ns + delay_ns)


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return disk_words.words(error)
    told = f"the ledger cannot be written: {error}"
    broken = getattr(error, "sqlite_errorcode", 0) & 0xFF in BROKEN
    return f"{told}; {disk_words.CHECK}" if broken else told
