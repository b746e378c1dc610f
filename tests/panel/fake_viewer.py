"""One browser at a fake panel: its state, its levels that move, its pictures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_agent.panel import state as it
from edge_agent.panel import wire
from tests.panel.fake_pictures import picture
from tests.panel.fake_room import Fake
from tests.panel.fake_screens import now_ms, utc


class Viewer:
    """One WebSocket of the fake."""

    def __init__(self, room: Fake, socket: WebSocket) -> None:
        self.room, self.socket = room, socket
        self.sent: it.PanelState | None = None
        self.fps = 0.0
        self.waiting: set[int] = set()

    async def run(self) -> None:
        talking = [asyncio.create_task(it()) for it in (self.state, self.levels, self.pictures)]
        try:
            async for line in self.socket.iter_json():
                await self.hear(line)
        finally:
            for task in talking:
                task.cancel()
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
                await asyncio.gather(*talking)

    async def hear(self, line: Any) -> None:
        match wire.from_browser.validate_python(line):
            case wire.WantSnapshot():
                self.sent = None
            case wire.WantPreviews(fps=fps):
                self.fps = fps
            case wire.Seen(source=number):
                self.waiting.discard(number)
            case _:
                pass

    async def state(self) -> None:
        beat = 0.0
        while True:
            self.room.tick()
            state = self.room.state
            if self.sent is None or state.rev > self.sent.rev + 1:
                await self.send(wire.Snapshot(ms=now_ms(), role=self.room.role, state=state))
            elif state.rev > self.sent.rev:
                whole, before = state.model_dump(mode="json"), self.sent.model_dump(mode="json")
                changes = {k: v for k, v in whole.items() if v != before[k]}
                await self.send(wire.Patch(ms=now_ms(), rev=state.rev, changes=changes))
            self.sent = state
            if time.monotonic() > beat:
                beat = time.monotonic() + 2
                await self.send(wire.Beat(ms=now_ms(), utc=utc(), offset_min=420))
            await asyncio.sleep(0.05)

    async def levels(self) -> None:
        while True:
            for each in self.room.state.sources:
                if each.media == "audio" and each.state != "lost":
                    peak = -30 + 25 * math.sin(time.monotonic() * 3 + each.number)
                    frame = wire.level_frame(each.number, now_ms(), peak, peak - 9)
                    await self.socket.send_bytes(frame)
            await asyncio.sleep(0.1)

    async def pictures(self) -> None:
        while True:
            for each in self.room.state.sources:
                if self.fps and each.preview and each.number not in self.waiting:
                    self.waiting.add(each.number)
                    frame = wire.preview_frame(each.number, now_ms(), picture(each.number))
                    await self.socket.send_bytes(frame)
            await asyncio.sleep(1 / (self.fps or 5))

    async def send(self, message: wire.Wire) -> None:
        await self.socket.send_text(json.dumps(message.model_dump(mode="json")))
