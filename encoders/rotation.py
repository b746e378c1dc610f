"""When a segment ends and when a picture must be a key frame. Pure: no clock, no I/O.

A segment file is short because damage stays inside its file; it starts with a key frame because
then it can be decoded alone. The fragment, just under a second, is the unit that reaches the disk.
"""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000_000_000
#: At a power cut a fragment is lost, and what happened while the one before it was synced. With a
#: whole second 1.14 s were measured on a loaded computer; 1.1 s are promised.
FRAGMENT_NS = SECOND * 9 // 10
#: The same of a camera whose packets are fetched four times a second: those that were not are lost
#: with it.
FETCHED_FRAGMENT_NS = SECOND * 78 // 100
SEGMENT_NS = 10 * SECOND
#: A camera that sends no key frame for this long gets its segment cut anyhow. Such a segment
#: cannot be decoded alone, but joined with the one before it is whole.
SEGMENT_LIMIT_NS = 30 * SECOND
PATIENCE_NS = SEGMENT_LIMIT_NS - SEGMENT_NS
#: Ask again when the key frame that was asked for has not come after this long.
ASK_AGAIN_NS = SECOND


@dataclass(slots=True)
class Rotation:
    """Follows one track. All times are lecture nanoseconds."""

    start_ns: int | None = None
    #: A track of slides has longer ones: its key frames are nearly all of its bytes.
    segment_ns: int = SEGMENT_NS
    #: A player that seeks decodes at most this many pictures; below 10 s nothing is cut for it.
    most_packets: int | None = None
    fragment_ns: int = FRAGMENT_NS
    _asked_ns: int | None = None
    _packets: int = 0

    def keyframe_due(self, frame_ns: int) -> bool:
        """Whether the picture about to be encoded must be a key frame; True once per request."""
        if self.start_ns is None or frame_ns - self.start_ns < self._wanted_ns():
            return False
        if self._asked_ns is not None and frame_ns - self._asked_ns < ASK_AGAIN_NS:
            return False
        self._asked_ns = frame_ns
        return True

    def opens_segment(self, packet_ns: int, is_keyframe: bool) -> bool:
        """Whether this packet is the first of a new segment; remembers it if so."""
        if self.start_ns is not None:
            age = packet_ns - self.start_ns
            wanted_ns = self._wanted_ns() if is_keyframe else self.segment_ns + PATIENCE_NS
            if age < wanted_ns:
                self._packets += 1
                return False
        self.start_ns = packet_ns
        self._packets = 1
        self._asked_ns = None
        return True

    def _wanted_ns(self) -> int:
        crowded = self.most_packets is not None and self._packets >= self.most_packets
        return min(SEGMENT_NS, self.segment_ns) if crowded else self.segment_ns


def fragment_full(first_ns: int, next_ns: int, fragment_ns: int = FRAGMENT_NS) -> bool:
    """Whether a packet at `next_ns` belongs to a new fragment."""
    return next_ns - first_ns >= fragment_ns
