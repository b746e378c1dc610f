"""What the joining of pictures and the joining of sound share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from av.packet import Packet

from encoders.encoder import AnyPacket

#: Package time in nanoseconds, the number of the feed, the packet.
Timed: TypeAlias = "tuple[int, int, AnyPacket]"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the media go: `at` maps lecture time to package time; all tracks reach `end_ns`."""

    at: Callable[[int], int]
    end_ns: int


@dataclass(slots=True)
class Count:
    """Packets that must be in the file, and those that are."""

    expected: int = 0
    copied: int = 0
    filled: int = 0
    recoded: int = 0
    #: Read, and not in the file: another microphone is heard there.
    left_out: int = 0


def made(data: bytes, pts: int, dts: int, duration: int, key: bool, scale: int) -> AnyPacket:
    packet: AnyPacket = Packet(data)
    packet.time_base = Fraction(1, scale)
    packet.pts, packet.dts, packet.duration = pts, dts, duration
    packet.is_keyframe = key
    return packet
