"""Lecture ids: UUIDv7 (RFC 9562), so that they sort by the time of their start."""

from __future__ import annotations

import secrets
import uuid

_MS = 1_000_000


def uuid7(utc_ns: int, randomness: int | None = None) -> str:
    """A UUIDv7 of a time in nanoseconds since 1970. The other 74 bits are random."""
    bits = secrets.randbits(74) if randomness is None else randomness
    value = ((utc_ns // _MS) & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (bits >> 62) << 64  # version, rand_a
    value |= 0b10 << 62 | bits & ((1 << 62) - 1)  # variant, rand_b
    return str(uuid.UUID(int=value))
