"""Join a track's segments (and a sound track's) into one MP4 by copying packets.

Nothing is encoded but what is missing: silence where the microphone was away and a black picture
where the camera came late. Reads one fragment at a time, whatever the lecture's length.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from encoders.boxes import Sample, header, read_index, samples
from encoders.encoder import (
    AUDIO_FRAME,
    AUDIO_RATE,
    NANO,
    VIDEO_SCALE,
    AnyPacket,
    AudioSpec,
    VideoSpec,
    open_audio_encoder,
    open_video_encoder,
)
from encoders.recode import channels, recoded
from encoders.resync import silence
from encoders.rotation import SECOND

#: A first picture that comes later than this gets a black one before it.
LATE_NS = SECOND


class JoinError(Exception):
    """The segments cannot be made one file; says why."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the media go: `at` maps lecture time to package time; all tracks reach `end_ns`."""

    at: Callable[[int], int]
    end_ns: int


@dataclass(frozen=True, slots=True)
class Joined:
    """What is in the file: copies, silence and black put in, and sound encoded again."""

    copied: int
    filled: int
    recoded: int


@dataclass(slots=True)
class _Count:
    expected: int = 0
    copied: int = 0
    filled: int = 0
    recoded: int = 0


Timed = tuple[int, int, AnyPacket]


def join(
    out: Path,
    pictures: Sequence[Path],
    sound: Sequence[Path],
    place: Placement,
    on_packet: Callable[[], None] = lambda: None,
) -> Joined:
    """Write `out` from the segments of one picture track, one sound track or both."""
    count = _Count()
    form = "mp4" if pictures else "ipod"
    options = {"moov_size": str(_index_room(pictures, sound, place))}
    with av.open(str(out), "w", format=form, options=options) as container:
        feeds: list[tuple[Iterator[Timed], Stream]] = []
        if pictures:
            stream = _add(container, pictures[0])
            feeds.append((_pictures(pictures, place, count), stream))
        if sound:
            stream = _add(container, sound[0])
            feeds.append((_sound(sound, place, count, len(feeds)), stream))
        container.start_encoding()
        for _ns, which, packet in heapq.merge(*(feed for feed, _ in feeds), key=lambda t: t[0]):
            packet.stream = feeds[which][1]
            container.mux_one(packet)
            on_packet()
    _check(out, count)
    return Joined(count.copied, count.filled, count.recoded)


def _index_room(pictures: Sequence[Path], sound: Sequence[Path], place: Placement) -> int:
    """Bytes to keep free for the index at the file's beginning, where players want it.

    The other way (faststart) writes everything twice and is silent for minutes. Per packet the
    index needs at most: size 4, duration 8, offset 8, key frame 4, place 8, chunk 12. Sound alone
    lies in one piece with one duration, so its sizes are nearly all there is.
    """
    shown = sum(read_index(path).packets for path in pictures) + 1
    heard = 0
    if sound:
        needed = place.end_ns * AUDIO_RATE // SECOND // AUDIO_FRAME
        heard = 1024 + max(needed, sum(read_index(path).packets for path in sound))
    return 16 * 1024 + (44 * shown + 32 * heard if pictures else 8 * heard)


def _add(container: av.container.OutputContainer, segment: Path) -> Stream:
    with av.open(str(segment)) as source:
        return container.add_stream_from_template(source.streams[0])


def _check(out: Path, count: _Count) -> None:
    """No packet may be missing: compare what the heads promise with what the file holds."""
    with av.open(str(out)) as container:
        found = sum(stream.frames for stream in container.streams)
    made = count.filled + count.recoded
    if count.copied != count.expected or found != count.expected + made:
        raise JoinError(
            f"{out.name} holds {found} packets instead of {count.expected} and {made} made for it"
        )


def _packet(data: bytes, pts: int, dts: int, duration: int, key: bool, scale: int) -> AnyPacket:
    packet: AnyPacket = Packet(data)
    packet.time_base = Fraction(1, scale)
    packet.pts, packet.dts, packet.duration = pts, dts, duration
    packet.is_keyframe = key
    return packet


# ------------------------------------------------------------------------------- pictures


@dataclass(frozen=True, slots=True)
class _Placed:
    sample: Sample
    dts: int


def _pictures(paths: Sequence[Path], place: Placement, count: _Count) -> Iterator[Timed]:
    """Each picture lasts until the next one comes, the last one until the end."""
    pending: _Placed | None = None
    for placed in _placed(paths, place, count):
        if pending is not None:
            yield _timed(pending, placed.dts - pending.dts)
        pending = placed
    if pending is not None:
        yield _timed(pending, max(1, round(place.end_ns * VIDEO_SCALE / SECOND) - pending.dts))


def _timed(placed: _Placed, duration: int) -> Timed:
    sample = placed.sample
    pts = placed.dts + sample.pts - sample.dts
    packet = _packet(sample.data, pts, placed.dts, duration, sample.key, VIDEO_SCALE)
    return placed.dts * SECOND // VIDEO_SCALE, 0, packet


def _placed(paths: Sequence[Path], place: Placement, count: _Count) -> Iterator[_Placed]:
    """The pictures in package time, parameter sets in band where they change."""
    first_ns = place.at(read_index(paths[0]).start_ns)
    black = _black(paths[0]) if first_ns > LATE_NS else None
    headers = [header(path) for path in paths]
    in_band = black is not None or len(set(headers)) > 1
    sets: dict[bytes, bytes] = {}
    last = -1
    if black is not None:
        count.filled += 1
        yield _Placed(black, 0)
        last = 0
    for path, head in zip(paths, headers, strict=True):
        if in_band and head not in sets:
            sets[head] = parameter_sets(path)
        index = read_index(path)
        scale, count.expected = index.timescale, count.expected + index.packets
        for sample in samples(path):
            if in_band and sample.key:
                data = sets[head] + sample.data
                sample = Sample(data, sample.pts, sample.dts, sample.duration, sample.key)
            dts = round(place.at(round(sample.dts * SECOND / scale)) * VIDEO_SCALE / SECOND)
            # The first picture stands from the beginning on.
            dts = 0 if last < 0 else max(dts, last + 1)
            last = dts
            count.copied += 1
            yield _Placed(sample, dts)


def _black(segment: Path) -> Sample | None:
    """A black picture like the track's; None when the track is not H.264."""
    with av.open(str(segment)) as source:
        context = source.streams.video[0].codec_context
        if context.name != "h264":
            return None
        width, height = context.width, context.height
    encoder = open_video_encoder(VideoSpec(width, height, 25.0))
    frame = VideoFrame(width & ~1, height & ~1, "yuv420p")
    for number, plane in enumerate(frame.planes):
        plane.update(bytes([16 if number == 0 else 128]) * plane.buffer_size)
    frame.pts, frame.time_base = 0, NANO
    (packet, *_rest) = encoder.encode(frame) + encoder.flush()
    units = nal_units(encoder.extradata) + nal_units(bytes(packet))
    return Sample(_prefixed(units), 0, 0, 1, True)


def nal_units(annex_b: bytes) -> list[bytes]:
    return [unit for part in annex_b.split(b"\0\0\1") if (unit := part.rstrip(b"\0"))]


def _prefixed(units: Sequence[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def parameter_sets(segment: Path) -> bytes:
    """The parameter sets of an H.264 segment in the form in which packets carry them."""
    with av.open(str(segment)) as source:
        context = source.streams.video[0].codec_context
        extradata = bytes(context.extradata or b"")
        if context.name != "h264" or len(extradata) < 7 or extradata[4] & 3 != 3:
            raise JoinError(f"{segment}: the way it is encoded changed within the track")
    units, at = [], 5
    for mask in (0x1F, 0xFF):
        number, at = extradata[at] & mask, at + 1
        for _ in range(number):
            size = int.from_bytes(extradata[at : at + 2], "big")
            units.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return _prefixed(units)


# ---------------------------------------------------------------------------------- sound


def _sound(paths: Sequence[Path], place: Placement, count: _Count, which: int) -> Iterator[Timed]:
    """Packets without a hole, each within half a packet (11 ms) of where it belongs.

    Sound is placed by its first sample, which lies one packet after the packet's stamp.
    """
    quiet = silent_packet(paths[0])
    cursor = -AUDIO_FRAME
    for sample in _heard(paths, count):
        ns = place.at(round((sample.dts + AUDIO_FRAME) * SECOND / AUDIO_RATE))
        position = round(ns * AUDIO_RATE / SECOND) - AUDIO_FRAME
        for _ in range(round((position - cursor) / AUDIO_FRAME)):
            yield _sounding(quiet, cursor, which)
            count.filled += 1
            cursor += AUDIO_FRAME
        yield _sounding(sample.data, cursor, which)
        cursor += AUDIO_FRAME
    end = round(place.end_ns * AUDIO_RATE / SECOND)
    for _ in range(round((end - cursor) / AUDIO_FRAME)):
        yield _sounding(quiet, cursor, which)
        count.filled += 1
        cursor += AUDIO_FRAME


def _heard(paths: Sequence[Path], count: _Count) -> Iterator[Sample]:
    """The track's packets; runs of another format than the first one's are encoded again."""
    first = header(paths[0])
    for head, group in groupby(paths, key=header):
        run = list(group)
        if head != first:
            for sample in recoded(run, channels(paths[0])):
                count.recoded += 1
                yield sample
            continue
        for path in run:
            count.expected += read_index(path).packets
            for sample in samples(path):
                count.copied += 1
                yield sample


def _sounding(data: bytes, at: int, which: int) -> Timed:
    packet = _packet(data, at, at, AUDIO_FRAME, True, AUDIO_RATE)
    return at * SECOND // AUDIO_RATE, which, packet


def silent_packet(segment: Path) -> bytes:
    """A packet of silence from a real encoder with the track's number of channels."""
    number = channels(segment)
    encoder = open_audio_encoder(AudioSpec(number))
    frame = silence("flt", "mono" if number == 1 else "stereo", AUDIO_RATE, 8 * AUDIO_FRAME)
    frame.pts, frame.time_base = SECOND, NANO
    packets = encoder.encode(frame) + encoder.flush()
    return bytes(packets[4])
