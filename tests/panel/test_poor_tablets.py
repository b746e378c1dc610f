"""Laws of tablets that sleep, are slow, are many, or talk nonsense: nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, cast

import cv2
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_agent.panel import app, live
from edge_agent.panel.hub import Shot
from edge_agent.panel.live import Viewer
from edge_agent.panel.wire import LEVEL, PREVIEW
from tests.panel.clients import ACCESS, TABLET, code, paired
from tests.panel.served import HandMade
from tests.panel.test_live import LIVE, OURS, Watcher, watching


def test_a_tablet_that_sleeps_is_let_go(room: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SILENT_S", 0.3)
    with watching(room) as (_, viewer):
        with pytest.raises(WebSocketDisconnect) as ended:
            viewer.until("the end", lambda: False)
        assert ended.value.code == 4408


def test_who_comes_when_all_places_are_taken_is_told(
    room: HandMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_VIEWERS", 1)
    with watching(room) as (client, first):
        first.until("the state", lambda: first.state)
        with client.websocket_connect(LIVE, headers=OURS) as late:
            message = late.receive()
        assert (message["type"], message["code"]) == ("websocket.close", 4429)
        assert client.get("/api/v1/state").status_code == 200


class Slow:
    """A connection that takes what is sent only when it is told to, and says that it lives."""

    def __init__(self) -> None:
        self.room, self.sent = asyncio.Event(), list[tuple[int, bytes]]()
        self.snapshots: list[int] = []

    async def send_bytes(self, data: bytes) -> None:
        await self.room.wait()
        self.sent.append((data[0], data[6:]))

    async def send_text(self, text: str) -> None:
        await self.room.wait()
        told = json.loads(text)
        if told["type"] != "beat":
            self.snapshots.append(told.get("rev") or told["state"]["rev"])

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0.2)
        return {"type": "websocket.receive", "text": '{"type": "beat"}'}


async def fallen_behind(room: HandMade) -> tuple[Slow, int]:
    """A viewer that takes nothing while the room changes thirty times, then all it is sent."""
    hub = room.panel().hub
    slow = Slow()
    await hub.look()
    viewer = Viewer(hub, cast(WebSocket, slow), "control", lambda: True)
    viewer._heed(live.wire.WantPreviews(type="previews", fps=5))
    watching_on = asyncio.create_task(viewer.run())
    for number in range(30):
        room.say(muted=bool(number % 2))
        await hub.look()
        hub.levels = {1: bytes([LEVEL, 1, 0, 0, 0, 0, number])}
        hub.shots = {0: Shot(number, 0, bytes([number]))}
        hub._new()
        await asyncio.sleep(0)
    slow.room.set()
    for _ in range(50):
        await asyncio.sleep(0)
    watching_on.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching_on
    hub.close()
    return slow, hub.state.rev


def test_a_slow_tablet_gets_what_is_newest_and_nothing_piles_up(room: HandMade) -> None:
    # A loop of its own thread: Playwright keeps one running in this one once a browser has begun.
    with start_blocking_portal() as portal:
        slow, rev = portal.call(fallen_behind, room)
    assert rev > 15
    assert slow.snapshots[-1] == rev, "it knows what is so now"
    assert len(slow.snapshots) <= 2
    assert dict(slow.sent) == {LEVEL: bytes([29]), PREVIEW: bytes([29])}
    assert len(slow.sent) <= 4


def ended(viewer: Watcher) -> int | None:
    """The code that it was let go with; None when it goes on."""
    try:
        viewer.until("the state", lambda: viewer.state)
        for _ in range(3):
            viewer.next()
    except WebSocketDisconnect as end:
        return end.code
    return None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
words = st.fixed_dictionaries(
    {"type": st.sampled_from(["beat", "previews", "seen", "snapshot", "explode"])},
    optional={"fps": anything, "source": anything},
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=words.map(json.dumps) | anything.map(json.dumps) | st.text() | st.binary())
def test_whatever_a_browser_says_it_is_heeded_or_let_go(room: HandMade, said: str | bytes) -> None:
    with watching(room) as (client, viewer):
        if isinstance(said, bytes):
            viewer.socket.send_bytes(said)
        else:
            viewer.socket.send_text(said)
        viewer.say(type="snapshot")
        assert ended(viewer) in (None, 4400)
        assert client.get("/api/v1/state").status_code == 200


def test_a_full_disk_lets_no_tablet_in_and_says_why(room: HandMade) -> None:
    room.sessions._file = room.spool.root / "gone" / "panel.json"
    with room.client(TABLET) as tablet:
        answer = tablet.post(ACCESS, json={"code": paired(room)})
        assert code(answer) == (503, "disk")
        assert answer.json()["error"]["retryable"]


def test_a_tablets_camera_reads_the_address_from_the_code(room: HandMade, browser: Browser) -> None:
    with room.client(socket=True) as program:
        found = program.post("/api/v1/pairings", json={"role": "control"}).json()
    page = browser.new_page()
    try:
        page.set_content(found["svg"])
        shot = np.frombuffer(page.screenshot(), np.uint8)
    finally:
        page.close()
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.imdecode(shot, cv2.IMREAD_GRAYSCALE))
    assert text == found["url"]
