"""The buttons: a press becomes a command in the agent's inbox, once, and its answer comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from edge_agent.asking import NoAnswer, NotRunning
from edge_agent.disk_words import words
from edge_agent.panel import rehearsal, wire
from edge_agent.panel.hub import Hub
from edge_agent.panel.refusal import Refused
from edge_agent.panel.state import Details, Wire

#: Asks the agent: verb, arguments, key; see `edge_agent.asking.ask_agent`.
Ask = Callable[[str, Mapping[str, Any], str], dict[str, Any]]
#: Presses whose answers are known again.
MOST_KEYS = 500
#: Commands that wait for the agent at the same time; further ones wait for these.
THREADS = 4
#: The agent's refusals that are not about the room's state.
_STATUS = {"disk": 503, "bad-request": 400, "unknown-command": 404}


class Buttons:
    """Used by the server's loop alone; the asking happens in threads."""

    def __init__(self, hub: Hub, ask: Ask) -> None:
        self._hub = hub
        self._ask = ask
        self._threads = ThreadPoolExecutor(THREADS, "panel-command")
        self._known: OrderedDict[str, asyncio.Future[wire.Pressed]] = OrderedDict()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def press(self, name: str, press: wire.Press) -> wire.Pressed:
        """Carry it out, once for each key. Raises Refused."""
        model = wire.COMMANDS.get(name)
        if model is None:
            known = ", ".join(wire.COMMANDS)
            raise Refused(404, "unknown-command", "there is no such command", f"one of {known}")
        try:
            args = model.model_validate(press.args)
        except ValidationError as error:
            raise bad_request(error) from None
        pressed = self._known.get(press.key)
        if pressed is None:
            self._check(name, press)
            pressed = asyncio.ensure_future(self._carry_out(name, args, press.key))
            self._remember(press.key, pressed)
        # Shielded: who hangs up does not take the command back.
        return await asyncio.shield(pressed)

    def _check(self, name: str, press: wire.Press) -> None:
        if name in wire.TURN_SENSITIVE and press.base < self._hub.state.turn:
            raise Refused(
                409,
                "stale",
                "the room has changed since this was shown",
                "look again, then press again",
                retryable=True,
            )

    def _remember(self, key: str, pressed: asyncio.Future[wire.Pressed]) -> None:
        def settled(done: asyncio.Future[wire.Pressed]) -> None:
            refused = done.cancelled() or done.exception() is not None
            if refused and self._known.get(key) is done:
                del self._known[key]  # the inbox knows the key; nothing is carried out twice

        self._known[key] = pressed
        pressed.add_done_callback(settled)
        while len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)

    async def _carry_out(self, name: str, args: Wire, key: str) -> wire.Pressed:
        given = args.model_dump(exclude_none=True)
        state = self._hub.state
        if isinstance(args, wire.Edit) and args.lecture is None and state.lecture is None:
            self._hub.set_details(state.details.model_copy(update=given))
            await self._hub.look()
            return wire.Pressed()
        if isinstance(args, wire.Edit) and state.lecture is not None:
            given.setdefault("lecture", state.lecture.id)
        if isinstance(args, wire.Start):
            given = {**_said(state.details), **given}
        if name == "stop":
            given = {"undo": True}
        if name == "test":
            name, given = "start", rehearsal.begun(datetime.now(UTC))
        if name == "delete":
            await self._demand_test(str(given["lecture"]))
            given["undelivered"] = True  # it stays here by its nature
        answer = await self._answer(name, given, key)
        if name == "start":
            self._hub.set_details(Details())
        await self._hub.look(queue_too=True)
        lecture = answer.get("lecture")
        return wire.Pressed(
            lecture=str(lecture) if lecture else None, warning=str(answer.get("warning", ""))
        )

    async def _demand_test(self, lecture: str) -> None:
        """Raises Refused: only what was recorded as a test goes by one touch."""
        tests = await self._hub.read(lambda reader: reader.tests())
        if lecture not in {each.lecture.id for each in tests}:
            raise Refused(
                409,
                "no-test",
                "that is no test recording of this room",
                f"IT deletes a lecture with: edge-agent lectures delete {lecture}",
            )

    async def _answer(self, name: str, given: Mapping[str, Any], key: str) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._threads, self._ask, name, given, key)
        except NotRunning:
            raise Refused(
                503, "agent-down", "the agent is not running", "call for help", retryable=True
            ) from None
        except NoAnswer:
            raise Refused(
                503, "no-answer", "the agent did not answer in time", retryable=True
            ) from None
        except OSError as error:
            raise Refused(503, "disk", words(error), retryable=True) from None
        except sqlite3.Error as error:
            raise Refused(503, "disk", f"the ledger refuses: {error}", retryable=True) from None
        refusal = answer.get("error")
        if refusal is None:
            return answer
        code = str(refusal.get("code", "refused"))
        raise Refused(
            _STATUS.get(code, 409), code, str(refusal["message"]), str(refusal.get("hint", ""))
        )


def _said(details: Details) -> dict[str, str]:
    return {name: text for name, text in details.model_dump().items() if text}


def bad_request(error: ValidationError) -> Refused:
    """The first thing that is wrong, without what was sent: it may be long, or a PIN."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"][:4]) or "body"
    code = "bad-json" if first["type"] == "json_invalid" else "bad-request"
    return Refused(400, code, f"{where}: {first['msg'][:200]}", "see GET /api/v1/schema")
