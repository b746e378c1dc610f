"""Laws of the WebSocket: one snapshot, patches that fit, levels, pictures one at a time."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from edge_agent.levels import LevelNow, write_level
from edge_agent.panel.gate import COOKIE
from edge_agent.panel.state import PanelState
from tests.panel.clients import paired
from tests.panel.served import HandMade, track

LIVE = "/api/v1/live"
OURS = {"host": "127.0.0.1:8025"}
MOST = 400


class Watcher:
    """A browser's end: keeps the state as the page does."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.state: dict[str, Any] = {}
        self.role = ""
        self.frames: list[tuple[int, int, bytes]] = []

    def until(self, what: str, true: Callable[[], object]) -> None:
        for _ in range(MOST):
            if true():
                return
            self.next()
        raise AssertionError(f"{what} did not come; the state is {self.state}")

    def next(self) -> None:
        message = self.socket.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"])
        if message.get("bytes") is not None:
            kind, number, _ = struct.unpack("!BBI", message["bytes"][:6])
            self.frames.append((kind, number, message["bytes"][6:]))
            return
        told = json.loads(message["text"])
        if told["type"] == "snapshot":
            self.state, self.role = told["state"], told["role"]
        elif told["type"] == "patch":
            assert told["rev"] == self.state["rev"] + 1, "a patch fits on the one before"
            self.state |= told["changes"]

    def say(self, **told: Any) -> None:
        self.socket.send_text(json.dumps(told))


@contextmanager
def watching(room: HandMade, peer: str = "127.0.0.1") -> Iterator[tuple[TestClient, Watcher]]:
    """With the server's own loop looking at the room."""
    with room.client(peer) as client, client.websocket_connect(LIVE, headers=OURS) as socket:
        watcher = Watcher(socket)
        yield client, watcher


def test_a_viewer_gets_the_whole_state_and_then_what_changes(room: HandMade) -> None:
    with watching(room) as (_, viewer):
        viewer.until("a ready room", lambda: viewer.state.get("word") == "ready")
        assert viewer.role == "control"
        room.say(muted=True)
        viewer.until("the mute", lambda: viewer.state["muted"])
        assert PanelState.model_validate(viewer.state).turn == viewer.state["rev"]


def test_a_press_is_seen_by_every_viewer(room: HandMade) -> None:
    with watching(room) as (client, one), client.websocket_connect(LIVE, headers=OURS) as other:
        two = Watcher(other)
        body = {"key": "press-0001", "base": 0, "args": {"title": "Thermo"}}
        assert client.post("/api/v1/commands/edit", json=body).status_code == 200
        for viewer in (one, two):
            viewer.until(
                "the title",
                lambda v=viewer: v.state.get("details", {}).get("title") == "Thermo",  # type: ignore[misc]
            )


def test_levels_come_beside_the_state(room: HandMade) -> None:
    with watching(room) as (_, viewer):
        viewer.until("a ready room", lambda: viewer.state.get("word") == "ready")
        number = viewer.state["mic"]["source"]

        def heard() -> bool:
            write_level(room.runtime, "microphone", LevelNow(time.monotonic_ns(), -12.5, -30.0))
            return (2, number, struct.pack("!hh", -1250, -3000)) in viewer.frames

        viewer.until("a level", heard)


def test_a_level_of_a_dead_agent_is_none(room: HandMade) -> None:
    write_level(room.runtime, "microphone", LevelNow(1, -12.5, -30.0))
    with watching(room) as (_, viewer):
        beats = iter(range(3))
        viewer.until("some messages", lambda: next(beats, None) is None)
        assert viewer.frames == []


def test_pictures_come_when_wanted_and_the_next_one_when_seen(room: HandMade) -> None:
    path = room.runtime.preview("camera")
    path.write_bytes(b"first")

    def pictures() -> list[bytes]:
        return [data for kind, _, data in viewer.frames if kind == 1]

    with watching(room) as (_, viewer):
        viewer.until("a ready room", lambda: viewer.state.get("word") == "ready")
        viewer.say(type="previews", fps=5)
        viewer.until("a picture", pictures)
        for later in (b"second", b"third"):
            path.write_bytes(later)
            time.sleep(0.3)
        room.say(muted=True)
        viewer.until("the mute", lambda: viewer.state["muted"])
        assert pictures() == [b"first"], "unseen: no other one is sent"
        viewer.say(type="seen", source=viewer.state["sources"][0]["number"])
        viewer.until("the newest", lambda: len(pictures()) == 2)
        assert pictures() == [b"first", b"third"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type": "explode"}',
        '{"type": "previews", "fps": 1000}',
        '{"type": "seen"}',
        '{"type": "previews", "fps": NaN}',
        "[" * 900,
    ],
)
def test_a_message_that_is_none_ends_the_connection(room: HandMade, text: str) -> None:
    with watching(room) as (_, viewer):
        viewer.socket.send_text(text)
        with pytest.raises(WebSocketDisconnect) as ended:
            viewer.until("the end", lambda: False)
        assert ended.value.code == 4400


def test_a_stranger_is_told_to_sign_in(room: HandMade) -> None:
    with watching(room, "10.1.2.3") as (_, viewer):
        with pytest.raises(WebSocketDisconnect) as ended:
            viewer.until("the end", lambda: False)
        assert ended.value.code == 4401


def test_who_signs_out_sees_no_more(room: HandMade) -> None:
    key = paired(room)
    with room.client("10.1.2.3") as client:
        client.post("/api/v1/access", json={"code": key})
        own = OURS | {"cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
        with client.websocket_connect(LIVE, headers=own) as socket:
            viewer = Watcher(socket)
            viewer.until("the state", lambda: viewer.state)
            client.delete("/api/v1/access")
            viewer.say(type="beat")
            with pytest.raises(WebSocketDisconnect) as ended:
                viewer.until("the end", lambda: False)
            assert ended.value.code == 4401


def test_a_lost_source_keeps_its_number(room: HandMade) -> None:
    with watching(room) as (_, viewer):
        viewer.until("a ready room", lambda: viewer.state.get("word") == "ready")
        before = {s["track"]: s["number"] for s in viewer.state["sources"]}
        room.say(tracks={"another": track("audio"), "microphone": track("audio")})
        viewer.until("the other room", lambda: viewer.state["sources"][-1]["track"] == "another")
        after = {s["track"]: s["number"] for s in viewer.state["sources"]}
        assert after["microphone"] == before["microphone"]
        assert after["another"] not in before.values()
