"""One connection to a broker, by paho-mqtt; thrown away when it ends.

Nothing is kept in it that would have to survive: after a connection the room is told anew. Used by
one thread, which may wait here for a broker and for nothing else.
"""

from __future__ import annotations

import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import MQTTException
from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTv5,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.mqtt.judge import MOST_PAYLOAD, Incoming
from edge_agent.mqtt.messages import WILL_DELAY_S
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.topics import Topics

#: For the TCP connection, for TLS, and for the broker's first word: each.
CONNECT_S = 10
#: Commands live for half a minute; the session outlives a short loss of contact, and the will.
SESSION_S = 300
#: What the broker may send: a command, its topics and its properties.
MOST_PACKET = MOST_PAYLOAD + 4096
#: Unacknowledged messages of ours; what is more waits with us.
MOST_UNDER_WAY = 20
FAREWELL_S = 1.5
#: Nothing changes by trying again soon: not authorised, taken over by another client, banned.
_HOPELESS = {0x85, 0x86, 0x87, 0x8A, 0x8C, 0x8E, 0x84}
_TAKEN_OVER = 0x8E


class LinkLost(Exception):
    """There is no connection (any more): why. `hopeless`: people have to change something."""

    def __init__(self, reason: str, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it is, and who we are there."""

    host: str
    port: int
    tls: bool
    username: str = ""
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    keepalive_s: int = 60


class Link:
    """`password` is read at each connection; `tell` hears what people can mend."""

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        password: Callable[[], str | None],
        tell: Callable[[str], None],
        patience_s: float = CONNECT_S,
    ) -> None:
        self._broker = broker
        self._patience_s = patience_s
        self._topics = topics
        self._password = password
        self._tell = tell
        self._incoming: deque[Incoming] = deque()
        self._arrived: deque[str] = deque()
        self._under_way: dict[int, str] = {}
        self._lost: LinkLost | None = None
        self._opened_s = 0.0
        self.connected = False
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=topics.client_id, protocol=MQTTv5
        )

    def open(self) -> None:
        """Connect; the broker's first word comes with `turn`. Raises LinkLost."""
        client, it = self._client, self._broker
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.connect_timeout = self._patience_s
        client.max_inflight_messages_set(MOST_UNDER_WAY)
        client.max_queued_messages_set(MOST_UNDER_WAY)
        will = properties(PacketTypes.WILLMESSAGE, WillDelayInterval=WILL_DELAY_S)
        client.will_set(self._topics.online, b"false", qos=1, retain=True, properties=will)
        wishes = properties(
            PacketTypes.CONNECT, SessionExpiryInterval=SESSION_S, MaximumPacketSize=MOST_PACKET
        )
        password = self._password()
        if it.username or password:
            client.username_pw_set(it.username or self._topics.client_id, password)
        try:
            if it.tls:
                client.tls_set_context(trust(it))
            client.connect(it.host, it.port, it.keepalive_s, clean_start=False, properties=wishes)
        except ssl.SSLCertVerificationError as error:
            reason = f"the broker's certificate is not trusted: {error.verify_message}"
            raise LinkLost(reason, hopeless=True) from error
        except (OSError, ValueError) as error:
            raise LinkLost(f"{it.host} port {it.port}: {words_of(error)}") from error
        self._opened_s = time.monotonic()

    def turn(self, seconds: float) -> list[Incoming]:
        """What has come, waiting so long at most for anything. Raises LinkLost."""
        loop_once(self._client, seconds, lambda: self._lost)
        if not self.connected and time.monotonic() - self._opened_s > self._patience_s:
            raise LinkLost(f"the broker has not answered for {self._patience_s:g} s")
        found = list(self._incoming)
        self._incoming.clear()
        return found

    def publish(self, post: Post) -> bool:
        """False: too much is under way, or there is no connection; nothing was sent."""
        told = {"MessageExpiryInterval": post.expiry_s, "CorrelationData": post.correlation or None}
        more = properties(PacketTypes.PUBLISH, **told)
        if self.free <= 0 or not self.connected:
            return False
        sent = self._client.publish(
            post.topic, post.payload, qos=1, retain=post.retain, properties=more
        )
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        self._under_way[sent.mid] = post.topic
        return True

    @property
    def free(self) -> int:
        """So many messages more may be under way."""
        return MOST_UNDER_WAY - len(self._under_way)

    def arrived(self) -> list[str]:
        """Topics of what the broker has since the last call."""
        found = list(self._arrived)
        self._arrived.clear()
        return found

    def close(self, farewell: Post | None = None) -> None:
        """With a last word, if the broker takes one."""
        try:
            if farewell is not None and self.publish(farewell):
                deadline = time.monotonic() + FAREWELL_S
                while self._under_way and time.monotonic() < deadline:
                    self.turn(0.05)
            if self.connected:
                self._client.disconnect()
        except (LinkLost, OSError):
            pass
        finally:
            self.connected = False
            self._lost = None
            let_go(self._client)

    # ------------------------------------------------------------ what paho tells

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            refused = f"the broker refuses this room: {code}"
            self._lost = LinkLost(refused, code.value in _HOPELESS)
            return
        self.connected = True
        # Not what was retained before; and whether a live one is to be retained must be seen.
        options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
        client.subscribe(self._topics.commands, options=options)

    def _on_subscribe(
        self, client: Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        for code in codes:
            if code.is_failure:
                self._tell(f"the broker lets nobody command this room ({code}); see its ACL")

    def _on_disconnect(
        self, client: Client, _: Any, flags: DisconnectFlags, code: ReasonCode, properties: Any
    ) -> None:
        self.connected = False
        if code.value == _TAKEN_OVER:
            reason = f"another computer connects as {self._topics.client_id}; give it another name"
        else:
            reason = f"the connection is lost: {code}"
        self._lost = self._lost or LinkLost(reason, code.value in _HOPELESS)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        properties = message.properties
        self._incoming.append(
            Incoming(
                topic=message.topic,
                payload=bytes(message.payload),
                retained=bool(message.retain),
                expiry_s=getattr(properties, "MessageExpiryInterval", None),
                response_topic=getattr(properties, "ResponseTopic", ""),
                correlation=bytes(getattr(properties, "CorrelationData", b"")),
            )
        )

    def _on_publish(
        self, client: Client, _: Any, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        topic = self._under_way.pop(mid, None)
        if topic is None:
            return
        if code.is_failure:
            self._tell(f"the broker does not take {topic} of this room ({code}); see its ACL")
        self._arrived.append(topic)


def loop_once(client: Client, seconds: float, lost: Callable[[], LinkLost | None]) -> None:
    """Hear and say what is due, waiting so long at most. `lost`: what the callbacks have found.

    Raises LinkLost.
    """
    try:
        code = client.loop(seconds)
    except (OSError, MQTTException, struct.error, ValueError, IndexError, KeyError) as error:
        raise LinkLost(f"the broker's words are no MQTT: {words_of(error)}") from error
    if (found := lost()) is not None:
        raise found
    if code is not MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise LinkLost(f"the connection is lost: {code.name}")


def let_go(client: Client) -> None:
    """Close it, and what it holds: its own sockets end with its last reference."""
    socket = client.socket()
    if socket is not None:
        socket.close()  # type: ignore[no-untyped-call, unused-ignore]
    client.on_connect = client.on_disconnect = client.on_message = None
    client.on_publish = client.on_subscribe = None


def properties(kind: int, **values: int | bytes | None) -> Properties:
    """Those that have a value."""
    found = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        if value is not None:
            setattr(found, name, value)
    return found


class _Handshaking(ssl.SSLSocket):
    """Closed when the handshake fails; paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def trust(it: Broker) -> ssl.SSLContext:
    """Raises OSError for files that cannot be used."""
    context = ssl.create_default_context(cafile=str(it.ca_file) if it.ca_file else None)
    context.sslsocket_class = _Handshaking
    if it.ca_file is not None:
        context.load_default_certs()
    if it.certificate is not None:
        context.load_cert_chain(it.certificate, it.key)
    return context


def words_of(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or repr(error)
