"""Packets in pieces: files of about a minute that are whole or not there.

Long work is cut into pieces so that a kill or a power cut costs one of them. A piece is a line of
JSON (the encoder's parameters, place and size of each packet) and the packets' bytes behind it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet

from encoders.encoder import AnyPacket


class PieceError(Exception):
    """A piece is not what was written, or does not fit the others; says which."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One packet, placed in units of the encoder's own timescale."""

    pts: int
    dts: int
    key: bool
    data: bytes

    def packet(self, scale: int, duration: int) -> AnyPacket:
        packet: AnyPacket = Packet(self.data)
        packet.time_base = Fraction(1, scale)
        packet.pts, packet.dts, packet.duration = self.pts, self.dts, duration
        packet.is_keyframe = self.key
        return packet


def key_of(*decides: object) -> str:
    """A short name for all that decides about packets, and the libraries that make them: pieces
    with the same key fit together."""
    said = repr((*decides, sorted(av.library_versions.items()))) + av.ffmpeg_version_info
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def write_piece(path: Path, extradata: bytes, units: Iterable[Unit]) -> None:
    """Durable, and under its name only when whole. Raises OSError."""
    held = list(units)
    head = {
        "extradata": extradata.hex(),
        "units": [[unit.pts, unit.dts, int(unit.key), len(unit.data)] for unit in held],
    }
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        file.writelines(unit.data for unit in held)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_piece(path: Path, extradata: bytes | None) -> Iterator[Unit]:
    """The packets of a piece. Raises PieceError when other parameters made it, or it is torn.

    `extradata` None: by whatever parameters.
    """
    with path.open("rb") as file:
        head = json.loads(file.readline())
        if extradata is not None and bytes.fromhex(head["extradata"]) != extradata:
            raise PieceError(f"{path.name} was made with other parameters")
        for pts, dts, key, size in head["units"]:
            data = file.read(size)
            if len(data) != size:
                raise PieceError(f"{path.name} is torn")
            yield Unit(pts, dts, bool(key), data)
