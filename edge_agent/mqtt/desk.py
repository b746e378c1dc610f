"""Commands on their way to the agent: asked in threads, each id once, and never too many."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from edge_agent.asking import NoAnswer, NotRunning
from edge_agent.disk_words import words
from edge_agent.mqtt.judge import Refused, Reply, Wanted
from edge_agent.mqtt.messages import Answer, Fault

#: Asks the agent: verb, arguments, key, seconds for which it counts.
Ask = Callable[[str, Mapping[str, Any], str, float], dict[str, Any]]
#: Commands that wait for the agent at the same time, and those that wait for these.
THREADS, MOST_WAITING = 4, 16


@dataclass(frozen=True, slots=True)
class Answered:
    reply: Reply
    answer: Answer


class Desk:
    """Used by one thread; the asking happens in threads."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._threads = ThreadPoolExecutor(THREADS, "mqtt-command")
        self._asked: list[tuple[Wanted, Future[Answer]]] = []

    @property
    def waiting(self) -> bool:
        return bool(self._asked)

    def ask(self, wanted: Wanted) -> bool:
        """False: too many wait already, and this one is not carried out."""
        if len(self._asked) >= MOST_WAITING:
            return False
        self._asked.append((wanted, self._threads.submit(self._carry_out, wanted)))
        return True

    def busy(self, wanted: Wanted) -> Refused:
        fault = Fault(
            code="busy",
            message="too many commands wait already",
            hint="wait for their answers",
            retryable=True,
        )
        return Refused(fault, wanted.id, wanted.reply)

    def settled(self) -> list[Answered]:
        """Answers that have come since the last call."""
        done = [each for each in self._asked if each[1].done()]
        self._asked = [each for each in self._asked if not each[1].done()]
        return [Answered(wanted.reply, future.result()) for wanted, future in done]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _carry_out(self, wanted: Wanted) -> Answer:
        try:
            found = self._ask(wanted.verb, wanted.args, wanted.key, wanted.ttl_s)
        except NotRunning:
            return _failed(wanted, "agent-down", "the agent is not running")
        except NoAnswer:
            return _failed(wanted, "no-answer", "the agent did not answer in time")
        except OSError as error:
            return _failed(wanted, "disk", words(error))
        except sqlite3.Error as error:
            return _failed(wanted, "disk", f"the ledger refuses: {error}")
        refusal = found.get("error")
        if refusal is not None:
            fault = Fault(
                code=str(refusal.get("code", "refused")),
                message=str(refusal.get("message", "")),
                hint=str(refusal.get("hint", "")),
            )
            return Answer(id=wanted.id, ok=False, error=fault)
        lecture, warning = found.get("lecture"), str(found.get("warning", ""))
        return Answer(
            id=wanted.id, ok=True, lecture=str(lecture) if lecture else None, warning=warning
        )


def _failed(wanted: Wanted, code: str, message: str) -> Answer:
    fault = Fault(code=code, message=message, retryable=True)
    return Answer(id=wanted.id, ok=False, error=fault)
