"""Put a command into the running agent's inbox and wait for its answer.

For command line and panel. Waits, so never for the supervisor.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from edge_agent import disk_words
from edge_agent.ballast import Ballast, is_full
from edge_agent.clock import Clock, Now
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.ledger_tables import FileId, file_id
from edge_agent.locks import is_held
from edge_agent.spool import Runtime, Spool

T = TypeVar("T")

#: Older than this a command is refused: what nobody waits for any more must not happen.
TTL_S = 30
#: Longer than that: whatever the disk is like, the agent answers, if only that it is too late.
ANSWER_S = TTL_S + 15.0
#: After this people are told that it takes longer.
SLOW_S = 4.0
POLL_S = 0.05
#: Somebody else's commit takes long; the ledger is being put in its place.
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN)
#: SQLite says the same of what passes, of what this user may not do, and of a disk that is broken.
_MAYBE_THE_DISK = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


class NotRunning(Exception):
    """There is no agent that would answer."""


class NoAnswer(Exception):
    """The agent lives and has not answered in time; the command may still be carried out."""


def ask_agent(
    spool: Spool,
    runtime: Runtime,
    clock: Clock,
    verb: str,
    args: Mapping[str, Any],
    *,
    key: str,
    origin: str,
    answer_s: float = ANSWER_S,
    ttl_s: float = TTL_S,
    on_slow: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The agent's answer; a refusal has the key "error". The same key again: the same answer.

    After `ttl_s` it is refused. `on_slow` is called once when it takes longer than people expect.
    Raises NotRunning, NoAnswer; sqlite3.Error and PermissionError when the ledger refuses, OSError
    when the disk does.
    """
    if not is_held(runtime.agent_lock):
        raise NotRunning
    press = _Press(spool, clock.now(), verb, args, key, origin, ttl_s)
    try:
        answer = wait_for(press.answer, min(SLOW_S, answer_s))
        if answer is None and answer_s > SLOW_S:
            on_slow()
            answer = wait_for(press.answer, answer_s - SLOW_S)
    finally:
        press.close()
    if answer is None:
        raise NoAnswer
    return dict(answer)


def _try_disk(spool: Spool) -> None:
    """Begin a file without a name, which leaves nothing behind. Raises OSError: the disk's word."""
    try:
        os.close(os.open(spool.root, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if disk_words.fate(error) is not None:
            raise


class _Press:
    """One command on its way, under its key: posted again wherever the ledger has gone."""

    def __init__(
        self,
        spool: Spool,
        now: Now,
        verb: str,
        args: Mapping[str, Any],
        key: str,
        origin: str,
        ttl_s: float,
    ) -> None:
        self._spool = spool
        self._now = now
        self._verb, self._args = verb, args
        self._key, self._origin = key, origin
        self._ttl_ns = round(ttl_s * 1_000_000_000)
        self._ledger: Ledger | None = None
        self._file: FileId = None
        self._number = 0

    def answer(self) -> Mapping[str, Any] | None:
        """None while there is none, and while others hold the ledger or put it back."""
        try:
            if self._ledger is None or file_id(self._spool.ledger) != self._file:
                self._post()
            command = self._ledger.command(self._number) if self._ledger else None
        except LedgerMissing:
            return None
        except sqlite3.OperationalError as error:
            self.close()
            if error.sqlite_errorcode & 0xFF in _MAYBE_THE_DISK:
                _try_disk(self._spool)
            if error.sqlite_errorcode & 0xFF not in _PASSING:
                raise
            return None
        return command.answer if command else None

    def close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()

    def _post(self) -> None:
        """On a full disk the ledger's reserve is given up: a lecture must be stoppable."""
        self.close()
        self._file = file_id(self._spool.ledger)
        self._ledger = Ledger.write(self._spool.ledger)
        try:
            self._number = self._put(self._ledger)
        except sqlite3.OperationalError as error:
            if not (is_full(error) and Ballast(self._spool.ledger).give_up()):
                raise
            self._number = self._put(self._ledger)

    def _put(self, ledger: Ledger) -> int:
        return ledger.post(
            self._verb,
            self._args,
            key=self._key,
            origin=self._origin,
            now=self._now,
            ttl_ns=self._ttl_ns,
        )


def wait_for(look: Callable[[], T], seconds: float) -> T | None:
    """What `look` finds, or None if it finds nothing (a false value) in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_S)
    return found
