"""What is put into a track of pictures that no camera has made: slates, and parameter sets in band.

A slate stands where a track has no picture for a while: a last picture that is held looks as if
the lecture went on. It is a dark picture with a screen struck through, which needs no language.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from encoders.boxes import Sample
from encoders.encoder import NANO, VideoSpec
from encoders.fragments import codec_name, length_prefixed, opened, without_delimiters
from encoders.ladder import SOFTWARE
from encoders.rungs import open_rung

#: An AV1 unit of this type says how to decode what follows it.
_SEQUENCE_HEADER = 1
_DARK, _LINE = 24, 96


class Unknown(Exception):
    """A way of encoding that nothing can be put into; says which."""


def way(segment: Path) -> tuple[str, int, int]:
    """Codec, width and height of a segment of pictures."""
    with opened(segment) as source:
        stream = source.streams.video[0]
        return codec_name(stream), stream.codec_context.width, stream.codec_context.height


def slate(segment: Path) -> Sample:
    """A slate encoded like a segment, with its own parameter sets. Raises Unknown, EncoderError."""
    codec, width, height = way(segment)
    if codec not in SOFTWARE:
        raise Unknown(f"{segment}: nothing can be put between pictures in {codec}")
    encoder = open_rung(SOFTWARE[codec], VideoSpec(width, height, 25.0, codec))
    frame = slate_picture(width & ~1, height & ~1)
    frame.pts, frame.time_base = 0, NANO
    (packet, *_rest) = encoder.encode(frame) + encoder.flush()
    if codec == "av1":
        return Sample(without_delimiters(bytes(packet)), 0, 0, 1, True)
    units = length_prefixed(encoder.extradata) + length_prefixed(bytes(packet))
    return Sample(units, 0, 0, 1, True)


def slate_picture(width: int, height: int) -> VideoFrame:
    """A screen struck through, grey on dark."""
    luma = np.full((height, width), _DARK, np.uint8)
    high = max(8, min(width, height) // 4)
    wide, line = high * 3 // 2, max(1, high // 16)
    y, x = np.mgrid[0:height, 0:width]
    down, right = np.abs(y - height // 2), np.abs(x - width // 2)
    inside = (down <= high // 2) & (right <= wide // 2)
    frame = inside & ((down > high // 2 - line) | (right > wide // 2 - line))
    stroke = inside & (np.abs((y - height // 2) * 3 + (x - width // 2) * 2) < 3 * line)
    luma[frame | stroke] = _LINE
    grey = np.full((height // 2, width), 128, np.uint8)
    return VideoFrame.from_ndarray(np.concatenate([luma, grey]), format="yuv420p")


def parameter_sets(segment: Path) -> bytes:
    """A segment's parameter sets in the form in which packets carry them. Raises Unknown."""
    with opened(segment) as source:
        stream = source.streams.video[0]
        codec = codec_name(stream)
        stored = bytes(stream.codec_context.extradata or b"")
    if codec == "av1" and len(stored) > 4:
        return stored[4:]
    if codec == "h264" and len(stored) >= 7 and stored[4] & 3 == 3:
        return _joined(_of_avcc(stored))
    if codec == "hevc" and len(stored) >= 23 and stored[21] & 3 == 3:
        return _joined(_of_hvcc(stored))
    raise Unknown(f"{segment}: the way it is encoded changed within the track")


def with_sets(sets: bytes, key_frame: bytes) -> bytes:
    """A key frame that says how to decode it. AV1's say so themselves, from most encoders."""
    if sets[:1] and sets[0] >> 3 & 15 == _SEQUENCE_HEADER and sets[0] == key_frame[0]:
        return key_frame
    return sets + key_frame


def _joined(units: Sequence[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def _of_avcc(stored: bytes) -> list[bytes]:
    units, at = [], 5
    for mask in (0x1F, 0xFF):
        number, at = stored[at] & mask, at + 1
        for _ in range(number):
            unit, at = _unit(stored, at)
            units.append(unit)
    return units


def _of_hvcc(stored: bytes) -> list[bytes]:
    units, at = [], 23
    for _ in range(stored[22]):
        number, at = int.from_bytes(stored[at + 1 : at + 3], "big"), at + 3
        for _ in range(number):
            unit, at = _unit(stored, at)
            units.append(unit)
    return units


def _unit(stored: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(stored[at : at + 2], "big")
    return stored[at + 2 : end], end
