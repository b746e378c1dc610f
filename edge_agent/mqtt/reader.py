"""What a broker keeps of all rooms, read by a desk; commands nothing.

A broker hands out what it keeps in one go and drops what does not fit its queue (mosquitto: a
thousand messages). So the rooms are found by their shortest topic first, and the rest is asked for
in pieces that fit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.mqtt.acl import RETAINED
from edge_agent.mqtt.link import (
    CONNECT_S,
    Broker,
    LinkLost,
    let_go,
    loop_once,
    properties,
    trust,
    words_of,
)
from edge_agent.mqtt.topics import ROOT
from edge_agent.rules.foreign import read_json

#: Nothing that a room tells is longer.
MOST_PACKET = 64 << 10
MOST_ROOMS = 20_000
#: Filters in one request, each for one message: far below what a broker queues.
AT_ONCE = 240
#: Nothing has come for so long: there is nothing more.
QUIET_S = 1.5
KEEPALIVE_S = 60

Place = tuple[str, str]


@dataclass(slots=True)
class Heard:
    """What is kept of one room, by the last level of its topics; None: it is no JSON."""

    told: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> Mapping[str, Any] | None:
        value = self.told.get(name)
        return value if isinstance(value, dict) else None

    @property
    def online(self) -> bool | None:
        value = self.told.get("online")
        return value if isinstance(value, bool) else None


class Reader:
    """One connection, used by one thread. After LinkLost it is thrown away."""

    def __init__(
        self,
        broker: Broker,
        password: Callable[[], str | None],
        site: str = "",
        patience_s: float = CONNECT_S,
    ) -> None:
        self._broker, self._password = broker, password
        self._site, self._patience_s = site or "+", patience_s
        self.rooms: dict[Place, Heard] = {}
        #: Those that somebody has taken out meanwhile.
        self.taken_out: set[Place] = set()
        #: More rooms than this program looks at.
        self.too_many = False
        self._asked: set[Place] = set()
        self._connected = False
        self._refused: LinkLost | None = None
        self._granted: set[int] = set()
        self._last_s = 0.0
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="", protocol=MQTTv5)

    def open(self) -> None:
        """Connect, and gather what is kept. Raises LinkLost."""
        client, it = self._client, self._broker
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_subscribe = self._on_message, self._on_subscribe
        client.connect_timeout = self._patience_s
        password = self._password()
        if it.username or password:
            client.username_pw_set(it.username, password)
        wishes = properties(PacketTypes.CONNECT, MaximumPacketSize=MOST_PACKET)
        try:
            if it.tls:
                client.tls_set_context(trust(it))
            client.connect(it.host, it.port, KEEPALIVE_S, clean_start=True, properties=wishes)
        except (OSError, ValueError) as error:
            raise LinkLost(f"{it.host} port {it.port}: {words_of(error)}") from error
        self._until(lambda: self._connected, self._patience_s)
        if not self._connected:
            raise LinkLost(f"the broker has not answered for {self._patience_s:g} s")
        self._subscribe([f"{ROOT}/{self._site}/+/online"])
        self._until_quiet()
        self._ask_rooms()

    def follow(self, seconds: float) -> None:
        """Hear what is new; rooms that come are asked for too. Raises LinkLost."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, 1.0))
            self._ask_rooms()

    def close(self) -> None:
        try:
            self._client.disconnect()
        except OSError:
            pass
        finally:
            self._refused = None
            let_go(self._client)

    # ------------------------------------------------------------ pieces

    def _ask_rooms(self) -> None:
        new = sorted(self.rooms.keys() - self._asked)
        rest = [name for name in RETAINED if name != "online"]
        step = AT_ONCE // len(rest)
        for first in range(0, len(new), step):
            part = new[first : first + step]
            self._subscribe([f"{ROOT}/{site}/{room}/{it}" for site, room in part for it in rest])
            self._until(partial(self._whole, part, len(rest)), QUIET_S, since_last=True)
            self._asked.update(part)

    def _whole(self, places: list[Place], topics: int) -> bool:
        """Who is taken out meanwhile has nothing more to tell."""
        heard = [self.rooms.get(place) for place in places]
        return all(it is None or len(it.told) > topics for it in heard)

    def _subscribe(self, filters: list[str]) -> None:
        options = SubscribeOptions(qos=0)
        code, number = self._client.subscribe([(it, options) for it in filters])
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or number is None:
            raise LinkLost("the connection is lost")
        self._until(lambda: number in self._granted, self._patience_s)
        if number not in self._granted:
            raise LinkLost(f"the broker has not answered for {self._patience_s:g} s")

    def _until_quiet(self) -> None:
        self._until(lambda: False, QUIET_S, since_last=True)

    def _until(self, done: Callable[[], bool], seconds: float, *, since_last: bool = False) -> None:
        """Until it is done or time is over; `since_last`: since the last message."""
        began_s = time.monotonic()
        while not done():
            since_s = max(began_s, self._last_s) if since_last else began_s
            if time.monotonic() - since_s >= seconds:
                return
            self._turn(0.1)

    def _turn(self, seconds: float) -> None:
        loop_once(self._client, seconds, lambda: self._refused)

    # ------------------------------------------------------------ what paho tells

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, code: ReasonCode, more: Any
    ) -> None:
        if code.is_failure:
            self._refused = LinkLost(f"the broker refuses this desk: {code}", hopeless=True)
        self._connected = not code.is_failure

    def _on_disconnect(
        self, client: Client, _: Any, flags: DisconnectFlags, code: ReasonCode, more: Any
    ) -> None:
        self._refused = self._refused or LinkLost(f"the connection is lost: {code}")

    def _on_subscribe(
        self, client: Client, _: Any, mid: int, codes: list[ReasonCode], more: Any
    ) -> None:
        self._granted.add(mid)
        if any(code.is_failure for code in codes):
            self._refused = LinkLost("the broker lets this desk see no rooms; see its ACL", True)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        self._last_s = time.monotonic()
        levels = message.topic.split("/")
        if len(levels) != 5 or "/".join(levels[:2]) != ROOT or levels[4] not in RETAINED:
            return
        place = (levels[2], levels[3])
        if levels[4] == "online":
            self._hear_of(place, gone=not message.payload)
        if place in self.rooms:
            self.rooms[place].told[levels[4]] = _json(bytes(message.payload))

    def _hear_of(self, place: Place, gone: bool) -> None:
        """There is such a room; `gone`: somebody has taken it out, by an empty retained message."""
        if gone:
            self.rooms.pop(place, None)
            self._asked.discard(place)
            self.taken_out.add(place)
        elif place in self.rooms or len(self.rooms) < MOST_ROOMS:
            self.rooms.setdefault(place, Heard())
            self.taken_out.discard(place)
        else:
            self.too_many = True


def _json(payload: bytes) -> Any:
    try:
        return read_json(payload)
    except (ValueError, RecursionError):
        return None
