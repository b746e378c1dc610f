"""Join a track's segments (and a sound track's) into one MP4 by copying packets.

Nothing is encoded but what is missing: silence where the microphone was away and a slate where
the camera was. Reads one fragment at a time, whatever the lecture's length.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import av
from av.stream import Stream

from encoders.boxes import Sample, header, read_index, samples
from encoders.encoder import (
    AUDIO_FRAME,
    AUDIO_RATE,
    NANO,
    AudioSpec,
    EncoderError,
    open_audio_encoder,
)
from encoders.feed import Count, Placement, Timed, made
from encoders.fragments import opened, tag
from encoders.headers import reference
from encoders.inserts import Unknown
from encoders.picture_feed import shown
from encoders.recode import channels, recoded, way_of_sound
from encoders.resync import silence
from encoders.rotation import SECOND


class JoinError(Exception):
    """The segments cannot be made one file; says why."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Another track's sound, and the stretches of lecture time in which it is heard instead."""

    segments: Sequence[Path]
    stretches: Sequence[tuple[int, int]]

    def heard_at(self, ns: int) -> bool:
        return any(start_ns <= ns < end_ns for start_ns, end_ns in self.stretches)


@dataclass(frozen=True, slots=True)
class Joined:
    """What is in the file: copies, silence and black put in, and sound encoded again."""

    copied: int
    filled: int
    recoded: int


def join(
    out: Path,
    pictures: Sequence[Path],
    sound: Sequence[Path],
    place: Placement,
    on_packet: Callable[[], None] = lambda: None,
    stand_in: StandIn | None = None,
) -> Joined:
    """Write `out` from the segments of one picture track, one sound track or both.

    Raises JoinError, OSError and FFmpeg's errors.
    """
    try:
        return _join(out, pictures, sound, place, on_packet, stand_in)
    except (Unknown, EncoderError) as error:
        raise JoinError(str(error)) from error


def _join(
    out: Path,
    pictures: Sequence[Path],
    sound: Sequence[Path],
    place: Placement,
    on_packet: Callable[[], None],
    stand_in: StandIn | None,
) -> Joined:
    count = Count()
    form = "mp4" if pictures else "ipod"
    options = {"moov_size": str(_index_room(pictures, sound, place))}
    with av.open(str(out), "w", format=form, options=options) as container:
        feeds: list[tuple[Iterator[Timed], Stream]] = []
        if pictures:
            stream = _add(container, reference(pictures))
            feeds.append((shown(pictures, place, count), stream))
        if sound:
            stream = _add(container, reference(sound))
            feeds.append((_sound(sound, place, count, len(feeds), stand_in), stream))
        container.start_encoding()
        for _ns, which, packet in heapq.merge(*(feed for feed, _ in feeds), key=lambda t: t[0]):
            packet.stream = feeds[which][1]
            container.mux_one(packet)
            on_packet()
    _check(out, count)
    return Joined(max(0, count.copied - count.left_out), count.filled, count.recoded)


def _index_room(pictures: Sequence[Path], sound: Sequence[Path], place: Placement) -> int:
    """Bytes to keep free for the index at the file's beginning, where players want it.

    The other way (faststart) writes everything twice and is silent for minutes. Per packet the
    index needs at most: size 4, duration 8, offset 8, key frame 4, place 8, chunk 12. Sound alone
    lies in one piece with one duration, so its sizes are nearly all there is.
    """
    # Before each segment and after the last one there may be a slate.
    pieces = sum(read_index(path).packets + 1 for path in pictures) + 1
    heard = 0
    if sound:
        needed = place.end_ns * AUDIO_RATE // SECOND // AUDIO_FRAME
        heard = 1024 + max(needed, sum(read_index(path).packets for path in sound))
    return 16 * 1024 + (44 * pieces + 32 * heard if pictures else 8 * heard)


def _add(container: av.container.OutputContainer, segment: Path) -> Stream:
    with opened(segment) as source:
        # Otherwise PyAV looks for an encoder of the decoder's name, which AV1 does not have.
        stream = container.add_stream_from_template(source.streams[0], opaque=True)
        tag(stream)
        return stream


def _check(out: Path, count: Count) -> None:
    """No packet may be missing: compare what the heads promise with what the file holds."""
    with av.open(str(out)) as container:
        found = sum(stream.frames for stream in container.streams)
    made = count.filled + count.recoded
    wanted = count.expected - count.left_out
    if count.copied != count.expected or found != wanted + made:
        raise JoinError(
            f"{out.name} holds {found} packets instead of {wanted} and {made} made for it"
        )


def _sound(
    paths: Sequence[Path], place: Placement, count: Count, which: int, stand_in: StandIn | None
) -> Iterator[Timed]:
    """Packets without a hole, each within half a packet (11 ms) of where it belongs.

    Sound is placed by its first sample, which lies one packet after the packet's stamp. Where one
    microphone takes over from another, packets of both may lie over each other: the later one goes.
    """
    quiet = silent_packet(reference(paths))
    cursor = -AUDIO_FRAME
    for sample in _of_both(paths, count, stand_in) if stand_in else _heard(paths, count):
        ns = place.at(_sounds_at(sample))
        position = round(ns * AUDIO_RATE / SECOND) - AUDIO_FRAME
        if stand_in is not None and cursor - position > AUDIO_FRAME // 2:
            count.left_out += 1
            continue
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


def _sounds_at(sample: Sample) -> int:
    """Lecture time of a packet's first sample."""
    return round((sample.dts + AUDIO_FRAME) * SECOND / AUDIO_RATE)


def _of_both(paths: Sequence[Path], count: Count, stand_in: StandIn) -> Iterator[Sample]:
    """Each instant's packet from one of the two microphones, by the packets' middles."""

    def by_the_other(sample: Sample) -> bool:
        middle_ns = _sounds_at(sample) + AUDIO_FRAME * SECOND // (2 * AUDIO_RATE)
        return stand_in.heard_at(middle_ns)

    own = _heard(paths, count, lambda sample: not by_the_other(sample))
    other = _heard(stand_in.segments, count, by_the_other, reference(paths))
    return heapq.merge(own, other, key=lambda sample: sample.dts)


def _heard(
    paths: Sequence[Path],
    count: Count,
    wanted: Callable[[Sample], bool] = lambda _: True,
    like: Path | None = None,
) -> Iterator[Sample]:
    """The track's packets; what is not like `like`, or like most of them, is encoded again."""
    usual = like or reference(paths)
    way = way_of_sound(usual)
    for head, group in groupby(paths, key=header):
        run = list(group)
        if head != header(usual) and way_of_sound(run[0]) != way:
            for sample in filter(wanted, recoded(run, way[0])):
                count.recoded += 1
                yield sample
            continue
        for path in run:
            count.expected += read_index(path).packets
            for sample in samples(path):
                count.copied += 1
                if wanted(sample):
                    yield sample
                else:
                    count.left_out += 1


def _sounding(data: bytes, at: int, which: int) -> Timed:
    packet = made(data, at, at, AUDIO_FRAME, True, AUDIO_RATE)
    return at * SECOND // AUDIO_RATE, which, packet


def silent_packet(segment: Path) -> bytes:
    """A packet of silence from a real encoder with the track's number of channels."""
    number = channels(segment)
    encoder = open_audio_encoder(AudioSpec(number))
    frame = silence("flt", "mono" if number == 1 else "stereo", AUDIO_RATE, 8 * AUDIO_FRAME)
    frame.pts, frame.time_base = SECOND, NANO
    packets = encoder.encode(frame) + encoder.flush()
    return bytes(packets[4])
