"""Put a command into the running agent's inbox and wait for its answer."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.room import Room

if TYPE_CHECKING:
    from edge_agent.ledger import Ledger

#: Older than this a command is refused: what nobody waits for any more must not happen.
TTL_S = 30
ANSWER_S = 10.0
POLL_S = 0.05


def ask(here: Room, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's answer. Raises Failure with its own reason, or when it does not answer."""
    from edge_agent.ledger import Ledger, LedgerMissing

    demand_alive(here)
    try:
        ledger = Ledger.write(here.spool.ledger)
    except LedgerMissing:
        raise _not_running() from None
    try:
        number = _post(ledger, here, verb, args)
        answer = wait_for(lambda: _answer(ledger, number), ANSWER_S)
    finally:
        ledger.close()
    if answer is None:
        raise Failure(
            Exit.TIMEOUT,
            "no-answer",
            f"the agent did not answer within {ANSWER_S:.0f} s",
            "look at it with: edge-agent status",
            retryable=True,
        )
    return _told(answer)


def _post(ledger: Ledger, here: Room, verb: str, args: Mapping[str, Any]) -> int:
    """On a full disk the ledger's reserve is given up: a lecture must be stoppable."""
    from edge_agent.ballast import Ballast, is_full
    from edge_agent.clock import SystemClock

    key, now = str(uuid.uuid4()), SystemClock().now()

    def post() -> int:
        return ledger.post(verb, args, key=key, origin="cli", now=now, ttl_ns=TTL_S * 1_000_000_000)

    try:
        return post()
    except sqlite3.OperationalError as error:
        if not (is_full(error) and Ballast(here.spool.ledger).give_up()):
            raise
        return post()


def demand_alive(here: Room) -> None:
    if not here.alive():
        raise _not_running()


def wait_for(look: Callable[[], Any], seconds: float) -> Any:
    """What `look` finds, or None if it finds nothing (a false value) in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_S)
    return found


def _answer(ledger: Any, number: int) -> Mapping[str, Any] | None:
    command = ledger.command(number)
    answer: Mapping[str, Any] | None = command.answer if command else None
    return answer


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    error = answer.get("error")
    if error is None:
        return dict(answer)
    raise Failure(
        int(error.get("exit", Exit.FAILED)),
        str(error.get("code", "refused")),
        str(error.get("message", "the agent refused")),
        str(error.get("hint", "")),
    )


def _not_running() -> Failure:
    return Failure(
        Exit.NOT_REACHABLE,
        "agent-not-running",
        "the agent is not running",
        "start it with: sudo systemctl start edge-agent (or, without a service: edge-agent run)",
        retryable=True,
    )
