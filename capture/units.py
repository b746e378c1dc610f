"""A coded H.264 picture as its units (RFC 6184, H.264 Annex B, ISO 14496-15). Pure.

An MP4 holds each unit behind its length. A client that puts units together knows where they begin,
so it hands them on in this form and nobody looks for their borders again.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

START = b"\0\0\0\1"  # before each unit of an H.264 stream (Annex B)
_LENGTH = 4
_NANO = Fraction(1, 1_000_000_000)


@dataclass(slots=True)
class UnitPacket:
    """What `av.Packet` is for others. `data`: units, each behind its length of four bytes; times
    are monotonic nanoseconds."""

    data: bytes
    pts: int
    dts: int
    is_keyframe: bool
    #: Others have come with it, and follow at once.
    more: bool = False

    @property
    def size(self) -> int:
        return len(self.data)

    def packet(self) -> av.Packet[Any]:
        """The same for decoders: each unit behind a start code."""
        packet: av.Packet[Any] = av.Packet(annex_b(self.data))
        packet.pts, packet.dts, packet.time_base = self.pts, self.dts, _NANO
        packet.is_keyframe = self.is_keyframe
        return packet


def annex_b(data: bytes) -> bytes:
    """Units with start codes, of units with lengths."""
    units: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        units += (START, data[at + _LENGTH : end])
        at = end
    return b"".join(units)


def with_lengths(data: bytes) -> bytes:
    """Units with lengths, of units with start codes."""
    units = (unit.rstrip(b"\0") for unit in data.split(START[1:]))
    return b"".join(with_length(unit) for unit in units if unit)


def with_length(unit: bytes) -> bytes:
    return len(unit).to_bytes(_LENGTH, "big") + unit
