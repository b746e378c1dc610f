"""Packets in, fragments of an MP4 file out. In memory only: nothing here can fail on a disk.

The boxes of a fragment are written here, not by FFmpeg: so a fragment is cut exactly where we
say, the last picture can be held as long as needed, and the time in the file (tfdt) is the lecture
time that came in. FFmpeg writes the header, which says how to decode.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from encoders.boxes import header
from encoders.rotation import FRAGMENT_NS, SECOND, fragment_full

AnyPacket: TypeAlias = "Packet[Stream]"

_KEY = 0x0200_0000
_NOT_KEY = 0x0101_0000
_TFHD_BASE_IS_MOOF = 0x02_0000
#: trun: data offset; then per sample duration, size, flags, composition offset (signed, version 1).
_TRUN_FLAGS = 0x0100_0000 | 0x001 | 0x100 | 0x200 | 0x400 | 0x800
#: moof with mfhd; traf with tfhd and tfdt; the head of trun, and a row of it.
_MOOF = struct.Struct(">I4sI4sII")
_TRAF = struct.Struct(">I4sI4sIII4sIQ")
_TRUN = struct.Struct(">I4sIIi")
_ROW = struct.Struct(">IIIi")


@dataclass(frozen=True, slots=True)
class Fragment:
    """About one second of one track: a moof and its mdat. Times are lecture nanoseconds."""

    #: One behind the other; packets are not copied for it.
    pieces: tuple[bytes, ...]
    start_ns: int
    end_ns: int
    packets: int

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


@dataclass(slots=True)
class Coded:
    """One packet as it stands in the file; times in the file's timescale. A duration of 0 is not
    known; all but the last one's is the distance to the next."""

    data: bytes
    pts: int
    dts: int
    key: bool
    duration: int = 0


class FragmentMuxer:
    """One track's fragments. `header` opens every segment file."""

    def __init__(self, template: Stream, fragment_ns: int = FRAGMENT_NS) -> None:
        self._fragment_ns = fragment_ns
        self.timescale = _timescale(template)
        self._pictures = template.type == "video"
        self._stored = stored_as(template)
        self.header = mp4_header(template)
        self._open: list[Coded] = []
        self._sequence = 0

    def add(self, sample: Coded) -> Fragment | None:
        """Take a packet; hands out the fragment that it completes by not belonging to it."""
        if sample.dts < 0:
            raise ValueError(f"packet at {sample.dts} lies before the lecture's time")
        sample.duration = sample.duration or self._guess()
        done: Fragment | None = None
        if self._open:
            last = self._open[-1]
            if sample.dts <= last.dts:
                raise ValueError(f"packet at {sample.dts} comes after one at {last.dts}")
            last.duration = sample.dts - last.dts
            first_ns, now_ns = self.ns(self._open[0].dts), self.ns(sample.dts)
            if fragment_full(first_ns, now_ns, self._fragment_ns):
                done = self._cut()
        self._open.append(sample)
        return done

    def finish(self, end_ns: int | None = None) -> Fragment | None:
        """The fragment that is open; its last picture is held until `end_ns`.

        Sound is not held: an AAC packet is as long as it is.
        """
        if not self._open:
            return None
        last = self._open[-1]
        if end_ns is not None and self._pictures:
            last.duration = max(1, round(end_ns * self.timescale / SECOND) - last.dts)
        return self._cut()

    def ns(self, ticks: int) -> int:
        return round(ticks * SECOND / self.timescale)

    def coded(self, packet: AnyPacket) -> Coded:
        """An encoder's packet as it will stand in the file."""
        if packet.pts is None or packet.dts is None:
            raise ValueError("a packet without a time stamp cannot be placed in the lecture")
        base = packet.time_base
        num, den = base.numerator * self.timescale, base.denominator
        return Coded(
            self._stored(bytes(packet)),
            _nearest(packet.pts * num, den),
            _nearest(packet.dts * num, den),
            packet.is_keyframe,
            _nearest((packet.duration or 0) * num, den),
        )

    def _guess(self) -> int:
        """A duration for a packet that has none and is the last so far."""
        if len(self._open) > 1:
            return self._open[-1].dts - self._open[-2].dts
        return self.timescale // 25

    def _cut(self) -> Fragment:
        samples, self._open = self._open, []
        self._sequence += 1
        end = samples[-1].dts + samples[-1].duration
        return Fragment(
            pieces=_fragment_boxes(self._sequence, samples),
            start_ns=self.ns(samples[0].dts),
            end_ns=self.ns(end),
            packets=len(samples),
        )


def _nearest(numerator: int, denominator: int) -> int:
    """The nearest integer. In integers: Fractions cost ten times as much, for each packet."""
    return (2 * numerator + denominator) // (2 * denominator)


def _timescale(template: Stream) -> int:
    if template.type == "audio":
        return int(template.codec_context.sample_rate)  # type: ignore[attr-defined]
    return 90_000


def mp4_header(template: Stream) -> bytes:
    """ftyp and moov of a fragmented file with this one stream."""
    sink = io.BytesIO()
    options = {
        "movflags": "empty_moov+default_base_moof",
        "use_editlist": "0",
        "video_track_timescale": "90000",
    }
    with av.open(sink, "w", format="mp4", options=options) as out:
        stream = out.add_stream_from_template(template)
        tag(stream)
        out.start_encoding()
    data = sink.getvalue()
    end = data.index(b"moov") - 4
    return data[: end + int.from_bytes(data[end : end + 4], "big")]


def opened(segment: Path) -> InputContainer:
    """A segment's header alone: damage behind it does not matter for how it is encoded.

    Raises FFmpeg's errors; ValueError when a text in it is no UTF-8.
    """
    return av.open(io.BytesIO(header(segment)), "r", format="mp4")


def codec_name(stream: Stream) -> str:
    """h264, hevc, av1 or aac, whichever encoder or decoder stands behind it."""
    return str(stream.codec_context.codec.canonical_name)


def tag(stream: Stream) -> None:
    """Apple's players know HEVC by this name only, and all others know it too."""
    if codec_name(stream) == "hevc":
        stream.codec_context.codec_tag = "hvc1"


def stored_as(template: Stream) -> Callable[[bytes], bytes]:
    """How an encoder's packets must be changed to stand in an MP4."""
    codec = codec_name(template)
    if codec == "av1":
        return without_delimiters
    # Parameter sets in MP4's own form start with version 1; then the packets are MP4's too.
    extradata = bytes(template.codec_context.extradata or b"")
    return length_prefixed if codec in ("h264", "hevc") and extradata[:1] != b"\1" else bytes


def without_delimiters(units: bytes) -> bytes:
    """AV1 without the units that only say where a picture begins (type 2, empty)."""
    return units[2:] if units[:2] == b"\x12\0" else units


def length_prefixed(annex_b: bytes) -> bytes:
    """H.264/H.265 units as MP4 wants them: each after its length instead of a start code."""
    units = (unit.rstrip(b"\0") for unit in annex_b.split(b"\0\0\1"))
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units if unit)


def _fragment_boxes(sequence: int, samples: list[Coded]) -> tuple[bytes, ...]:
    rows = b"".join(
        _ROW.pack(it.duration, len(it.data), _KEY if it.key else _NOT_KEY, it.pts - it.dts)
        for it in samples
    )
    trun = _TRUN.size + len(rows)
    traf = _TRAF.size + trun
    moof = _MOOF.size + traf
    mdat = 8 + sum(len(it.data) for it in samples)
    return (
        _MOOF.pack(moof, b"moof", 16, b"mfhd", 0, sequence)
        + _TRAF.pack(
            *(traf, b"traf", 16, b"tfhd", _TFHD_BASE_IS_MOOF, 1),
            *(20, b"tfdt", 0x0100_0000, samples[0].dts),
        )
        + _TRUN.pack(trun, b"trun", _TRUN_FLAGS, len(samples), moof + 8)
        + rows
        + struct.pack(">I4s", mdat, b"mdat"),
        *(it.data for it in samples),
    )
