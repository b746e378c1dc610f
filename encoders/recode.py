"""Encode a run again when its format differs from the rest of its track.

The one place where a finished file is not a copy: AAC cannot change its channels within a file,
and a track has one codec, also when an encoder of another one took over in the lecture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame

from encoders.boxes import Sample, read_index, samples
from encoders.encoder import (
    AUDIO_FRAME,
    AnyPacket,
    AudioSpec,
    Encoder,
    VideoSpec,
    open_audio_encoder,
)
from encoders.feed import made
from encoders.fragments import opened, stored_as
from encoders.ladder import SOFTWARE
from encoders.rotation import SECOND
from encoders.rungs import open_rung

#: It has been encoded once: nothing more should be lost.
RECODED_CRF = 18


def channels(segment: Path) -> int:
    """How many channels a sound segment has."""
    with opened(segment) as source:
        return int(source.streams.audio[0].codec_context.channels)


def way_of_sound(segment: Path) -> tuple[int, bytes]:
    """What decides about its packets: segments with equal ways need not be encoded again."""
    with opened(segment) as source:
        return channels(segment), bytes(source.streams.audio[0].codec_context.extradata or b"")


def recoded(segments: Sequence[Path], wanted: int) -> Iterator[Sample]:
    """The segments of one run with another number of channels, in lecture time as before."""
    encoder = open_audio_encoder(AudioSpec(wanted))
    end = read_index(segments[-1]).pieces[-1].stop
    for packet in _packets(encoder, segments):
        # Two coders in a row prime twice; what that adds behind the end is not sound.
        if packet.pts is not None and packet.pts < end:
            yield Sample(bytes(packet), packet.pts, packet.pts, AUDIO_FRAME, True)


def recoded_pictures(segment: Path, codec: str) -> Iterator[Sample]:
    """The pictures of a segment in another codec, stamped as before. Raises EncoderError."""
    with opened(segment) as source:
        context = source.streams.video[0].codec_context
        width, height = context.width, context.height
    index = read_index(segment)
    fps = index.packets * SECOND / max(1, index.end_ns - index.start_ns)
    encoder = open_rung(SOFTWARE[codec], VideoSpec(width, height, fps, codec, crf=RECODED_CRF))
    stored = stored_as(encoder.template)
    sets = b"" if codec == "av1" else stored(encoder.extradata)
    for packet in _packets(encoder, [segment]):
        data, at = stored(bytes(packet)), packet.pts or 0
        key = packet.is_keyframe
        yield Sample(sets + data if key else data, at, at, 1, key)


def _packets(encoder: Encoder, segments: Sequence[Path]) -> Iterator[AnyPacket]:
    for segment in segments:
        for frame in _frames(segment):
            if isinstance(frame, VideoFrame):
                frame.pict_type = PictureType.NONE
            yield from encoder.encode(frame)
    yield from encoder.flush()


def _frames(segment: Path) -> Iterator[AudioFrame | VideoFrame]:
    """A segment decoded. Its packets are found by us: FFmpeg would stumble over more."""
    scale = Fraction(1, read_index(segment).timescale)
    with opened(segment) as source:
        context = source.streams[0].codec_context
        context.thread_count = 1  # PyAV was seen to wait for ever for threads that it had ended
        packets = (
            made(each.data, each.pts, each.dts, each.duration, each.key, scale.denominator)
            for each in samples(segment)
        )
        for packet in chain(packets, [None]):
            for frame in context.decode(packet):  # type: ignore[attr-defined]
                frame.time_base = scale
                yield frame
