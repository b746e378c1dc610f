"""Encode a run of sound again when its format differs from the rest of its track.

The one place where a finished file is not a copy: AAC cannot change its channels within a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.audio.frame import AudioFrame

from encoders.boxes import Sample, read_index
from encoders.encoder import AUDIO_FRAME, AnyPacket, AudioSpec, Encoder, open_audio_encoder


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


def _packets(encoder: Encoder, segments: Sequence[Path]) -> Iterator[AnyPacket]:
    for frame in _frames(segments):
        yield from encoder.encode(frame)
    yield from encoder.flush()


def _frames(segments: Sequence[Path]) -> Iterator[AudioFrame]:
    for segment in segments:
        with av.open(str(segment)) as source:
            yield from source.decode(audio=0)
