"""From the bytes of an RTSP connection to pictures: interleaved RTP (RFC 2326, 10.12) with H.264
(RFC 6184). Pure: it takes bytes and instants, and never raises for what a camera sends.

A picture is all that carries one RTP time, as the standard has it, and never more than one first
slice: of a camera whose clock stands still pictures of the same time come. Cameras that send
parameter sets under the time of the picture before, or of none, are understood; their markers are
not believed.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from capture.rtsp_words import Message, head_of, number
from capture.units import START, with_length

_DOLLAR = ord("$")
_FRAME = struct.Struct(">xBH")
_RTP = struct.Struct(">BBHI")
#: The same, its sender, and the first two bytes of a piece of a unit.
_RTP_PIECE = struct.Struct(">BBHIIBB")
_BEFORE_PIECE = 4 + _RTP_PIECE.size
#: A head or a body that is longer is none.
_MOST_HEAD, _MOST_BODY = 16 * 1024, 1024 * 1024
_SLICES = range(1, 6)
_KEY, _HINTS = 5, 6
#: Kinds of units that begin a picture when one is there already (H.264, 7.4.1.2.3).
_BEGINS = frozenset((6, 7, 8, 9, 14, 15, 16, 17, 18))
#: Kinds that say which macroblock is their first one (H.264, 7.3.3), and from which second byte on
#: that is the picture's first.
_PLACED, _FIRST = frozenset((1, 2, 5)), b"\x80"
_PACK, _PIECE = 24, 28
_KEY_SETS = 7
_RECOVERY = 6
#: A start code within a unit: cameras are known that send several as one.
_WITHIN = START[1:]


class Taker(Protocol):
    """Who takes the packets of a channel."""

    def add(self, packet: bytes, now_ns: int) -> None:
        """Take the packet that was read at that instant."""

    def follow(self, buffer: bytes, at: int, after: int) -> int:
        """Behind a frame: take further ones at once if they are alike; where they end."""


class Wire:
    """Cuts what comes over the connection into packets of one channel, and messages."""

    def __init__(self) -> None:
        self._rest = b""
        self.messages: deque[Message] = deque()
        #: Bytes that were neither.
        self.skipped = 0

    def feed(self, data: bytes, channel: int, taker: Taker, now_ns: int) -> None:
        """Hand on the whole packets of this channel so far; messages are put aside."""
        buffer = self._rest + data if self._rest else data
        at, end = 0, len(buffer)
        while at < end:
            if buffer[at] != _DOLLAR:
                after = self._message(buffer, at)
                if after == at:
                    break
                at = after
                continue
            if end - at < 4:
                break
            where, size = _FRAME.unpack_from(buffer, at)
            after = at + 4 + size
            if after > end:
                break
            if where == channel:
                taker.add(buffer[at + 4 : after], now_ns)
                after = taker.follow(buffer, at, after)
            at = after
        self._rest = buffer[at:]

    def _message(self, buffer: bytes, at: int) -> int:
        """Where the message ends that begins here, or what is none; `at` if that is not known."""
        if buffer[at : at + 1].isspace():
            return at + 1
        close = buffer.find(b"\r\n\r\n", at)
        capital = buffer[at : at + 1].isupper()
        if capital and close < 0 and len(buffer) - at <= _MOST_HEAD:
            return at
        known = 0 <= close - at <= _MOST_HEAD
        if not capital or not known or b"RTSP/" not in buffer[at:close].split(b"\r\n", 1)[0]:
            return self._skip(buffer, at)
        head = head_of(buffer[at:close])
        after = close + 4 + number(head.header("content-length"))
        if after > close + 4 + _MOST_BODY:
            return self._skip(buffer, at)
        if after > len(buffer):
            return at
        self.messages.append(Message(head.first, head.headers, buffer[close + 4 : after]))
        return after

    def _skip(self, buffer: bytes, at: int) -> int:
        after = buffer.find(b"$", at + 1)
        after = len(buffer) if after < 0 else after
        self.skipped += after - at
        return after


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit. `time`: 90 kHz of the camera's clock, from any beginning on."""

    #: Its units, each behind its length.
    data: bytes
    time: int
    key: bool
    #: Its parameter sets are among its units.
    described: bool
    #: When its first packet was read, on the monotonic clock.
    arrived_ns: int


class Pictures:
    """Puts RTP packets together. A picture is whole when something of the next one comes."""

    def __init__(self) -> None:
        self.payload_type = 0
        self.ready: deque[Picture] = deque()
        #: A unit held others, each with its start code: what comes is not as the standard has it.
        self.nested = False
        self._parts: list[bytes] = []
        self._begun_ns = 0
        self._sliced = self._key = self._described = False
        #: Where the length of a unit stands that comes in pieces and is not whole.
        self._open: int | None = None
        #: The sequence number that comes next; None before the first.
        self._next: int | None = None
        self._stamp = 0
        self._time = 0

    def add(self, packet: bytes, now_ns: int) -> None:
        if len(packet) < 13:
            return
        first, kind, sequence, stamp = _RTP.unpack_from(packet)
        if first & 0xC0 != 0x80 or kind & 0x7F != self.payload_type:
            return
        unit = packet[12:] if first == 0x80 else _payload(first, packet)
        if not unit:
            return
        self._follow(sequence, stamp, now_ns)
        kind = unit[0] & 31
        if kind == _PIECE:
            self._piece(unit)
        elif kind == _PACK:
            for one in _unpacked(unit):
                self._whole(one)
        elif kind < _PACK:
            self._whole(unit)

    def follow(self, buffer: bytes, at: int, after: int) -> int:
        """Nine of ten packets are pieces of one unit that differ from the one before in number
        and contents alone. They are looked at together: each by itself costs five times as much.
        """
        size = after - at - _BEFORE_PIECE
        if self._open is None or size < 1:
            return after
        first, kind, _, _, _, indicator, head = _RTP_PIECE.unpack_from(buffer, at + 4)
        if first != 0x80 or kind != self.payload_type or indicator & 31 != _PIECE:
            return after
        ahead, fixed = buffer[at : at + 6], buffer[at + 8 : at + 17] + bytes((head & 0x3F,))
        step = after - at
        whole = memoryview(buffer)[after : len(buffer) - (len(buffer) - after) % step]
        for alike, sequence, the_same, piece in struct.iter_unpack(f">6sH10s{size}s", whole):
            if sequence != self._next or the_same != fixed or alike != ahead:
                break
            self._next = (sequence + 1) & 0xFFFF
            self._parts.append(piece)
            after += step
        return after

    def _whole(self, unit: bytes) -> None:
        self._begin(unit)
        self._parts.append(with_length(unit))
        if unit[0] & 31 == _HINTS and _can_begin(unit):
            self._key = True

    def _follow(self, sequence: int, stamp: int, now_ns: int) -> None:
        if self._next is None:
            self._stamp, self._begun_ns = stamp, now_ns
        elif sequence != self._next and self._open is not None:
            del self._parts[self._open :]  # pieces are missing
            self._open = None
        self._next = (sequence + 1) & 0xFFFF
        if stamp != self._stamp:
            self._finish()
            # From one to the next at most half of the 32 bits, in either direction.
            self._time += ((stamp - self._stamp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            self._stamp, self._begun_ns = stamp, now_ns

    def _piece(self, unit: bytes) -> None:
        if len(unit) < 2:
            return
        head, piece = unit[1], unit[2:]
        if head & 0x80:
            piece = bytes((unit[0] & 0xE0 | head & 31,)) + piece
            self._begin(piece)
            self._open = len(self._parts)
            self._parts.append(b"")
        if self._open is not None:
            self._parts.append(piece)
            if head & 0x40:
                self._close()

    def _begin(self, unit: bytes) -> None:
        """This unit follows, or one that begins so."""
        kind = unit[0] & 31
        self._close()
        if self._sliced and (kind in _BEGINS or (kind in _PLACED and unit[1:2] >= _FIRST)):
            self._finish()
        self._sliced = self._sliced or kind in _SLICES
        self._key = self._key or kind == _KEY
        self._described = self._described or kind == _KEY_SETS
        self.nested = self.nested or _WITHIN in unit

    def _close(self) -> None:
        """The unit that came in pieces is whole: now its length is known."""
        if self._open is not None:
            length = sum(map(len, self._parts[self._open :]))
            self._parts[self._open] = length.to_bytes(4, "big")
            self._open = None

    def _finish(self) -> None:
        """Hand out what is there, if it is a picture; parameter sets wait for theirs."""
        if not self._sliced:
            return
        self._close()
        data = b"".join(self._parts)
        self.ready.append(Picture(data, self._time, self._key, self._described, self._begun_ns))
        self._parts = []
        self._sliced = self._key = self._described = False


def _payload(first: int, packet: bytes) -> bytes:
    """What an RTP packet carries behind contributors and extension, without its padding."""
    begin, end = 12 + 4 * (first & 15), len(packet)
    if first & 0x10:
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    if first & 0x20:
        end -= packet[-1]
    return packet[begin:end]


def _unpacked(pack: bytes) -> list[bytes]:
    """The units of a packet that carries several, each behind its length."""
    units, at = [], 1
    while at + 2 < len(pack):
        size = int.from_bytes(pack[at : at + 2], "big")
        if size:
            units.append(pack[at + 2 : at + 2 + size])
        at += 2 + size
    return units


def _can_begin(unit: bytes) -> bool:
    """Whether these hints say that decoding can begin here, as of cameras without key frames."""
    at = 1
    while at + 1 < len(unit) and 255 not in unit[at : at + 2]:  # none that long comes before it
        if unit[at] == _RECOVERY:
            return True
        at += 2 + unit[at + 1]
    return False
