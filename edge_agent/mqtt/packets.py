"""How many bytes a message is, in MQTT 5 and on the wire. Pure.

On the wire counts everything that a metered link is charged for: IPv6 and TCP headers with time
stamps, TLS 1.3 records, the acknowledgement by the broker and TCP's own.
"""

from __future__ import annotations

from dataclasses import dataclass

#: IPv6 (40), TCP (20) and its time stamps (12).
SEGMENT = 72
#: A TLS 1.3 record: header (5), type (1), tag (16).
RECORD = 22
#: PUBACK with packet id; a reason, if there is one, takes one more and its properties another.
PUBACK = 6
#: Two bytes there, two back, and an acknowledgement of TCP.
PING_BYTES = 3 * SEGMENT + 2 * (RECORD + 2)


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be published with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes = b""


def publish_bytes(post: Post) -> int:
    """Of the PUBLISH packet."""
    properties = 5 if post.expiry_s is not None else 0
    properties += 3 + len(post.correlation) if post.correlation else 0
    rest = 2 + len(post.topic.encode()) + 2  # the topic with its length, the packet's id
    rest += _length(properties) + properties + len(post.payload)
    return 1 + _length(rest) + rest


def wire_bytes(post: Post) -> int:
    """Of the message and all that it causes."""
    return publish_bytes(post) + PUBACK + 3 * SEGMENT + 2 * RECORD


def _length(number: int) -> int:
    """Bytes of a variable byte integer."""
    return 1 if number < 128 else 2 if number < 16384 else 3 if number < 2097152 else 4
