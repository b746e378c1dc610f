"""Put a command into the running agent's inbox and wait for its answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from edge_agent.asking import ANSWER_S, NoAnswer, NotRunning, ask_agent
from edge_agent.clock import SystemClock
from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.room import Room
from edge_agent.commands.streams import aside


def ask(here: Room, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's answer. Raises Failure with its own reason, or when it does not answer."""
    try:
        answer = ask_agent(
            here.spool,
            here.runtime,
            SystemClock(),
            verb,
            args,
            key=str(uuid.uuid4()),
            origin="cli",
            on_slow=_say_slow,
        )
    except NotRunning:
        raise _not_running() from None
    except NoAnswer:
        raise Failure(
            Exit.TIMEOUT,
            "no-answer",
            f"the agent did not answer within {ANSWER_S:.0f} s",
            "look at it with: edge-agent status",
            retryable=True,
        ) from None
    return _told(answer)


def _say_slow() -> None:
    aside("the agent takes long to answer (a slow disk?); still waiting")


def demand_alive(here: Room) -> None:
    if not here.alive():
        raise _not_running()


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
