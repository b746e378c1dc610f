"""A room as a broker sees it, many in one process; for `benchmarks.mqtt_fleet`.

The product's own topics, messages, ration and patience; only the packets are put together here,
because ten thousand clients of paho-mqtt would not fit.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import struct
import time
from collections import Counter

from edge_agent.mqtt.link import SESSION_S
from edge_agent.mqtt.messages import WILL_DELAY_S, Health, Lecture, Queue, State, Track
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.patience import Patience
from edge_agent.mqtt.topics import Topics
from edge_agent.mqtt.view import Snapshot, View

KEEPALIVE_S = 60
#: A room is looked at so often, and more rarely where this process has many of them.
LOOK_S, LOOKS_A_SECOND = 5.0, 500.0
#: A room's word changes so often: a start, a pause or a stop each five minutes, in all rooms.
CHANGE_S = 300.0
PASSWORD = "r00ms-secret"


class Fleet:
    """All rooms, and when each of them came."""

    def __init__(self, port: int, trust: ssl.SSLContext | None, rooms: int) -> None:
        self.port, self.trust = port, trust
        self.look_s = max(LOOK_S, rooms / LOOKS_A_SECOND)
        self.counted: Counter[str] = Counter()
        self.there: set[int] = set()
        self.came: list[float] = []
        self.ending = False


class Room(asyncio.Protocol):
    """One of them; connects again by itself."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self._fleet, self._number = fleet, number
        self._topics = Topics("campus", f"room-{number}")
        self._view, self._chance = View(self._topics), random.Random(number)
        self._patience = Patience(self._chance)
        self._transport: asyncio.Transport | None = None
        self._since_s = 0.0
        self._posted: dict[int, str] = {}
        self._packet_id = 0
        self._waiting = b""
        self._recording = False
        self._lost = asyncio.Event()

    async def live(self) -> None:
        await asyncio.sleep(self._chance.uniform(0, 30))
        while not self._fleet.ending:
            lasted_s = await self._connection()
            await asyncio.sleep(self._patience.next(lasted_s))

    async def _connection(self) -> float:
        """One, to its end; how long it lasted."""
        loop, fleet = asyncio.get_running_loop(), self._fleet
        self._waiting, self._since_s = b"", 0.0
        self._lost.clear()
        try:
            await loop.create_connection(
                lambda: self,
                "127.0.0.1",
                fleet.port,
                ssl=fleet.trust,
                server_hostname="localhost" if fleet.trust else None,
            )
        except OSError:
            fleet.counted["refused"] += 1
            return 0.0
        pinged_s = time.monotonic()
        while not fleet.ending and not await self._is_lost(fleet.look_s):
            if self._since_s:
                self._tell()
                if time.monotonic() - pinged_s >= KEEPALIVE_S:
                    pinged_s = time.monotonic()
                    self._write(b"\xc0\x00")
        return time.monotonic() - self._since_s if self._since_s else 0.0

    async def _is_lost(self, seconds: float) -> bool:
        """A room notices it at once."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), seconds)
        return self._lost.is_set()

    # ------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._write(_connect(self._topics))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost.set()
        self._fleet.there.discard(self._number)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) >= 2 and len(self._waiting) >= 2 + self._waiting[1]:
            packet, self._waiting = _split(self._waiting)
            self._heed(packet)

    # ------------------------------------------------------------ MQTT

    def _heed(self, packet: bytes) -> None:
        kind = packet[0] >> 4
        self._fleet.counted["heard"] += 1
        if kind == 2:
            self._since_s = time.monotonic()
            self._fleet.there.add(self._number)
            self._fleet.came.append(self._since_s)
            self._write(_subscribe(self._topics))
            for post in self._view.connected():
                self._post(post)
            self._tell()
        elif kind == 4:
            self._view.arrived(self._posted.pop(struct.unpack_from("!H", packet, 2)[0], ""))

    def _tell(self) -> None:
        if self._chance.random() < self._fleet.look_s / CHANGE_S:
            self._recording = not self._recording
        state = State(
            word="recording" if self._recording else "ready",
            room=f"Room {self._number}",
            lecture=_LECTURE if self._recording else None,
            tracks=_TRACKS,
        )
        it = Snapshot(state, _HEALTH, _QUEUE, (), "2026-11-23T03:00:00.000Z")
        for post in self._view.due(time.monotonic(), it):
            self._post(post)

    def _post(self, post: Post) -> None:
        self._packet_id = self._packet_id % 65535 + 1
        self._posted[self._packet_id] = post.topic
        topic = _text(post.topic)
        rest = topic + struct.pack("!H", self._packet_id) + b"\x00" + post.payload
        self._fleet.counted["told"] += 1
        self._write(bytes([0x32 | post.retain]) + _length(len(rest)) + rest)

    def _write(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)


_LECTURE = Lecture(
    id="0193a1b2-0000-7000-8000-000000000001",
    title="Thermodynamics 2",
    started_utc="2026-11-23T03:00:00.000Z",
)
_TRACKS = [Track(name=name, role="camera", state="ok") for name in ("camera", "slides", "voice")]
_HEALTH, _QUEUE = Health(agent=True, version="0.1.0", clock="synchronised"), Queue()


def _text(words: str) -> bytes:
    return struct.pack("!H", len(words)) + words.encode()


def _length(number: int) -> bytes:
    found = b""
    while True:
        number, low = divmod(number, 128)
        found += bytes([low | (0x80 if number else 0)])
        if not number:
            return found


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Nothing that a broker sends here is longer than 127 bytes."""
    size = 2 + data[1]
    return data[:size], data[size:]


def _connect(topics: Topics) -> bytes:
    flags = 0x80 | 0x40 | 0x20 | 0x08 | 0x04  # user, password, will retained with QoS 1
    rest = _text("MQTT") + bytes([5, flags]) + struct.pack("!H", 2 * KEEPALIVE_S)
    rest += b"\x05\x11" + struct.pack("!I", SESSION_S) + _text(topics.client_id)
    rest += b"\x05\x18" + struct.pack("!I", WILL_DELAY_S) + _text(topics.online) + _text("false")
    rest += _text(topics.client_id) + _text(PASSWORD)
    return b"\x10" + _length(len(rest)) + rest


def _subscribe(topics: Topics) -> bytes:
    rest = b"\xff\xff\x00" + _text(topics.commands) + bytes([0x01 | 0x08 | 0x20])
    return b"\x82" + _length(len(rest)) + rest
