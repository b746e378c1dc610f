"""Put a command into the running agent's inbox and wait for its answer.

For command line and panel. Waits, so never for the supervisor.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from edge_agent.ballast import Ballast, is_full
from edge_agent.clock import Clock
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.locks import is_held
from edge_agent.spool import Runtime, Spool

T = TypeVar("T")

#: Older than this a command is refused: what nobody waits for any more must not happen.
TTL_S = 30
ANSWER_S = 10.0
POLL_S = 0.05


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
) -> dict[str, Any]:
    """The agent's answer; a refusal has the key "error". The same key again: the same answer.

    Raises NotRunning, NoAnswer; sqlite3.Error and PermissionError when the ledger refuses.
    """
    if not is_held(runtime.agent_lock):
        raise NotRunning
    try:
        ledger = Ledger.write(spool.ledger)
    except LedgerMissing:
        raise NotRunning from None
    try:
        number = _post(ledger, spool, clock, verb, args, key, origin)
        answer = wait_for(lambda: _answer(ledger, number), answer_s)
    finally:
        ledger.close()
    if answer is None:
        raise NoAnswer
    return dict(answer)


def _post(
    ledger: Ledger,
    spool: Spool,
    clock: Clock,
    verb: str,
    args: Mapping[str, Any],
    key: str,
    origin: str,
) -> int:
    """On a full disk the ledger's reserve is given up: a lecture must be stoppable."""
    now = clock.now()

    def post() -> int:
        ttl_ns = TTL_S * 1_000_000_000
        return ledger.post(verb, args, key=key, origin=origin, now=now, ttl_ns=ttl_ns)

    try:
        return post()
    except sqlite3.OperationalError as error:
        if not (is_full(error) and Ballast(spool.ledger).give_up()):
            raise
        return post()


def wait_for(look: Callable[[], T], seconds: float) -> T | None:
    """What `look` finds, or None if it finds nothing (a false value) in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_S)
    return found


def _answer(ledger: Ledger, number: int) -> Mapping[str, Any] | None:
    command = ledger.command(number)
    return command.answer if command else None
