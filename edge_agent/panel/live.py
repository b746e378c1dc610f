"""One viewer's WebSocket: the state in snapshots and patches, levels, pictures, beats.

Everything that is sent is taken when there is room for it, so nothing piles up here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from edge_agent.clock import rfc3339
from edge_agent.panel import wire
from edge_agent.panel.hub import Hub, now_ms
from edge_agent.panel.state import Role, Wire

BEAT_S = 2.0
#: After so long without a word the browser is gone.
SILENT_S = 10.0


class Viewer:
    """Lives as long as its connection. `allowed`: whether its session still holds."""

    def __init__(
        self, hub: Hub, socket: WebSocket, role: Role, allowed: Callable[[], bool]
    ) -> None:
        self._hub = hub
        self._socket = socket
        self._role = role
        self._allowed = allowed
        self._wake = asyncio.Event()
        self._sent_rev = -1
        self._sent_levels: dict[int, bytes] = {}
        self._fps = 0.0
        #: By source: the stamp of what was sent, when, and whether it was seen.
        self._shown: dict[int, int] = {}
        self._sent_s: dict[int, float] = {}
        self._unseen: set[int] = set()

    async def run(self) -> None:
        """Until either side ends it."""
        self._hub.viewers[self] = self._wake.set
        self._hub.look_soon()
        sending = asyncio.create_task(self._send_on())
        try:
            code = await self._hear_on()
        finally:
            self._hub.viewers.pop(self, None)
            self._hub.watching.discard(self)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sending
        if code is not None and self._socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code)

    # ------------------------------------------------------------ hearing

    async def _hear_on(self) -> int | None:
        """The code to close with; None when the other side has."""
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    message = await self._socket.receive()
            except TimeoutError:
                return wire.TOO_SILENT
            if message["type"] == "websocket.disconnect":
                return None
            if not self._allowed():
                return wire.NOT_ALLOWED
            try:
                self._heed(wire.from_browser.validate_json(message.get("text") or b""))
            except ValidationError:
                return wire.BAD_MESSAGE

    def _heed(self, told: Wire) -> None:
        match told:
            case wire.WantSnapshot():
                self._sent_rev = -1
            case wire.WantPreviews(fps=fps):
                self._want(fps)
            case wire.Seen(source=number):
                self._unseen.discard(number)
            case _:
                return
        self._wake.set()

    def _want(self, fps: float) -> None:
        self._fps = fps
        self._unseen.clear()
        self._shown.clear()
        if fps > 0:
            self._hub.watching.add(self)
        else:
            self._hub.watching.discard(self)

    # ------------------------------------------------------------ sending

    async def _send_on(self) -> None:
        loop = asyncio.get_running_loop()
        beat_s = 0.0
        while True:
            if loop.time() >= beat_s:
                beat_s = loop.time() + BEAT_S
                await self._beat()
            await self._state()
            await self._levels()
            await self._pictures(loop.time())
            try:
                async with asyncio.timeout(max(0.0, beat_s - loop.time())):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _beat(self) -> None:
        here = datetime.now().astimezone()
        offset = here.utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        await self._text(wire.Beat(ms=now_ms(), utc=rfc3339(here), offset_min=minutes))

    async def _state(self) -> None:
        state, changes = self._hub.state, self._hub.changes
        if self._sent_rev == state.rev or not state.rev:
            return
        follows = self._sent_rev == state.rev - 1
        self._sent_rev = state.rev
        if follows:
            await self._text(wire.Patch(ms=now_ms(), rev=state.rev, changes=changes))
        else:
            await self._text(wire.Snapshot(ms=now_ms(), role=self._role, state=state))

    async def _levels(self) -> None:
        for number, frame in self._hub.levels.items():
            if self._sent_levels.get(number) != frame:
                self._sent_levels[number] = frame
                await self._socket.send_bytes(frame)

    async def _pictures(self, now_s: float) -> None:
        if self._fps <= 0:
            return
        for number, shot in list(self._hub.shots.items()):
            early = now_s - self._sent_s.get(number, -1e9) < 0.9 / self._fps
            if number in self._unseen or early or self._shown.get(number) == shot.stamp:
                continue
            self._shown[number], self._sent_s[number] = shot.stamp, now_s
            self._unseen.add(number)
            await self._socket.send_bytes(wire.preview_frame(number, shot.ms, shot.jpeg))

    async def _text(self, message: Wire) -> None:
        await self._socket.send_text(message.model_dump_json())
