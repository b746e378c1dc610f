"""Encode a run again when its format differs from the rest of its track.

The one place where a finished file is not a copy: AAC cannot change its channels within a file,
and a track has one codec, also when an encoder of another one took over in the lecture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import PictureType

from encoders.boxes import Sample, read_index
from encoders.encoder import (
    AUDIO_FRAME,
    AnyPacket,
    AudioSpec,
    Encoder,
    VideoSpec,
    open_audio_encoder,
)
from encoders.fragments import stored_as
from encoders.ladder import SOFTWARE
from encoders.rungs import open_rung

#: It has been encoded once: nothing more should be lost.
RECODED_CRF = 18


def channels(segment: Path) -> int:
    """How many channels a sound segment has."""
    with av.open(str(segment)) as source:
        return int(source.streams.audio[0].codec_context.channels)


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
    with av.open(str(segment)) as source:
        stream = source.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        spec = VideoSpec(width, height, float(stream.average_rate or 30), codec, crf=RECODED_CRF)
        encoder = open_rung(SOFTWARE[codec], spec)
        stored = stored_as(encoder.template)
        sets = b"" if codec == "av1" else stored(encoder.extradata)
        for packet in _pictures(source, encoder):
            data, at = stored(bytes(packet)), packet.pts or 0
            key = packet.is_keyframe
            yield Sample(sets + data if key else data, at, at, 1, key)


def _pictures(source: InputContainer, encoder: Encoder) -> Iterator[AnyPacket]:
    for frame in source.decode(video=0):
        frame.pict_type = PictureType.NONE
        yield from encoder.encode(frame)
    yield from encoder.flush()


def _packets(encoder: Encoder, segments: Sequence[Path]) -> Iterator[AnyPacket]:
    for frame in _frames(segments):
        yield from encoder.encode(frame)
    yield from encoder.flush()


def _frames(segments: Sequence[Path]) -> Iterator[AudioFrame]:
    for segment in segments:
        with av.open(str(segment)) as source:
            yield from source.decode(audio=0)
