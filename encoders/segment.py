"""What a segment file is called, and what is stored about it. Pure: no I/O, no codec.

Apart from `encoders.segments` so that the supervisor can adopt files without loading FFmpeg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: A larger number would not fit into the ledger.
_NAME = re.compile(r"(\d{6,18})\.mp4(\.part)?")


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment file. Times are lecture nanoseconds."""

    seq: int
    name: str
    bytes: int
    sha256: str
    start_ns: int
    end_ns: int
    packets: int
    recovered: bool = False


def segment_name(seq: int) -> str:
    return f"{seq:06d}.mp4"


def sequence(name: str) -> int | None:
    """The number in a segment's file name, closed or not; None for any other file."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def next_sequence(names: Iterable[str]) -> int:
    """One more than the highest number in use, closed or not."""
    return 1 + max((sequence(name) or 0 for name in names), default=0)
