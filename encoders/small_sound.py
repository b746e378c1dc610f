"""Small sound for thin links: encoded in pieces that join without a click or a drift.

Every packet has a fixed place on one grid that begins with the lecture, whichever piece it is made
in: packet n holds the samples from n packets on. An encoder remembers what came before and looks
at what comes next, so each piece is encoded with a second of its neighbours on both sides, whose
packets are thrown away (RFC 7845 asks a decoder for 80 ms of the like when it jumps). What two
encoders make of the same second still differs, and Opus predicts from it: in the middle of a vowel
a seam was measured to be heard for 40 ms. So pieces end in the quietest moment of the next 20 s,
where there is nothing to predict.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec.context import Flags
from av.container import OutputContainer
from av.stream import Stream

from encoders.encoder import AUDIO_RATE
from encoders.pieces import PieceError, Unit

Samples: TypeAlias = "np.ndarray[Any, np.dtype[np.float32]]"

PIECE_S = 60
#: Samples in a packet. 60 ms of Opus: a third of the container's overhead of the usual 20 ms.
FRAME = {"libopus": 2880, "aac": 1024}
_OPTIONS = {"libopus": {"frame_duration": "60", "application": "audio"}, "aac": {}}
#: Where the quietest moment is looked for, and how long it is.
_SEARCH_S = 20
_MOMENT_S = 0.2
#: How much of its neighbours each piece is encoded with.
_AROUND_S = 1
#: Samples by which an encoder delays the sound: 1024 for AAC, 312 for Opus.
_MOST_DELAY = 1024
#: A decoder that begins in the middle needs a packet or two of AAC before it is right.
_WARM_UP = 4 * 1024


@dataclass(frozen=True, slots=True)
class SoundSpec:
    """One channel at 48 kHz. Opus is the smaller; AAC plays on every phone."""

    codec: Literal["libopus", "aac"]
    kbps: int

    @property
    def frame(self) -> int:
        return FRAME[self.codec]

    @property
    def packets_per_piece(self) -> int:
        return PIECE_S * AUDIO_RATE // self.frame


def add_sound(container: OutputContainer, spec: SoundSpec) -> Stream:
    """A stream with the encoder's parameters; they are told when the container starts."""
    stream = container.add_stream(spec.codec, rate=AUDIO_RATE, layout="mono")
    context = stream.codec_context
    assert isinstance(context, AudioCodecContext)
    context.bit_rate = spec.kbps * 1000
    context.time_base = Fraction(1, AUDIO_RATE)
    context.flags |= Flags.global_header
    context.options = dict(_OPTIONS[spec.codec])
    return stream


def pieces_of_sound(spec: SoundSpec, length: int) -> int:
    """How many pieces `length` samples need; the last packet also carries the encoder's delay."""
    whole = _packets(spec, length) // spec.packets_per_piece
    return max(1, whole)  # the last one is longer, so that every seam has its 20 s to choose from


def sound_piece(
    source: Path, spec: SoundSpec, length: int, number: int
) -> tuple[bytes, list[Unit]]:
    """The encoder's parameters and the packets of piece `number` of `length` samples of sound."""
    first, last = seam(source, spec, length, number), seam(source, spec, length, number + 1)
    around = _AROUND_S * AUDIO_RATE // spec.frame + 1
    begin, end = max(0, first - around), last + around
    with av.open(io.BytesIO(), "w", format="matroska") as stem:
        context = add_sound(stem, spec).codec_context
        assert isinstance(context, AudioCodecContext)
        stem.start_encoding()
        extradata = bytes(context.extradata or b"")
        wave = read_sound(source, begin * spec.frame, end * spec.frame)
        units: list[Unit] = []
        delay: int | None = None
        for packet in _encode(context, wave, begin, spec.frame):
            if packet.pts is None:
                raise PieceError(f"{spec.codec} gave a packet without a place")
            delay = begin * spec.frame - packet.pts if delay is None else delay
            place = (packet.pts + delay) // spec.frame
            if first <= place < last:
                units.append(Unit(packet.pts, packet.pts, True, bytes(packet)))
    if len(units) != last - first:
        raise PieceError(f"{spec.codec} gave {len(units)} packets instead of {last - first}")
    return extradata, units


def seam(source: Path, spec: SoundSpec, length: int, number: int) -> int:
    """The first packet of piece `number`; behind the last piece the number of all packets."""
    packets, earliest = _packets(spec, length), number * spec.packets_per_piece
    if number == 0:
        return 0
    if number >= pieces_of_sound(spec, length):
        return packets
    window = _SEARCH_S * AUDIO_RATE // spec.frame
    wave = read_sound(source, earliest * spec.frame, (earliest + window) * spec.frame)
    power = (wave.reshape(window, spec.frame).astype(np.float64) ** 2).mean(axis=1)
    moment = max(1, round(_MOMENT_S * AUDIO_RATE / spec.frame))
    quiet = np.convolve(power, np.ones(moment), "valid")
    return min(earliest + int(np.argmin(quiet)) + moment // 2, packets)


def read_sound(source: Path, start: int, end: int) -> Samples:
    """Samples `start` to `end` of a file as one channel; silence where it has none."""
    wave: Samples = np.zeros(end - start, np.float32)
    with av.open(str(source)) as container:
        stream = container.streams.audio[0]
        if stream.codec_context.sample_rate != AUDIO_RATE:
            raise PieceError(f"{source.name} does not have {AUDIO_RATE} samples a second")
        if start > _WARM_UP:
            at = Fraction(start - _WARM_UP, AUDIO_RATE) / (stream.time_base or Fraction(1))
            container.seek(int(at), stream=stream)
        for frame in container.decode(stream):
            at_sample = _place(frame)
            if at_sample >= end:
                break
            heard = _mono(frame)
            skip = max(0, start - at_sample)
            piece = heard[skip : max(skip, end - at_sample)]
            offset = at_sample + skip - start
            wave[offset : offset + len(piece)] = piece
    return wave


def _packets(spec: SoundSpec, length: int) -> int:
    """Enough for the end of the sound too, which comes out of a decoder later by the delay."""
    return -(-(length + _MOST_DELAY) // spec.frame)


def _encode(context: AudioCodecContext, wave: Samples, begin: int, size: int) -> Iterator[Any]:
    form = context.format.name
    for number in range(len(wave) // size):
        block = wave[number * size : (number + 1) * size].reshape(1, -1)
        if form == "s16":
            block = np.clip(np.rint(block * 32767), -32768, 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(block, format=form, layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.pts, frame.time_base = (begin + number) * size, Fraction(1, AUDIO_RATE)
        yield from context.encode(frame)
    yield from context.encode(None)


def _place(frame: AudioFrame) -> int:
    assert frame.pts is not None
    assert frame.time_base is not None
    return round(frame.pts * frame.time_base * AUDIO_RATE)


def _mono(frame: AudioFrame) -> Samples:
    data = frame.to_ndarray()
    if frame.format.is_packed:
        data = data.reshape(-1, frame.layout.nb_channels).T
    if data.dtype == np.int16:
        data = data.astype(np.float32) / 32768
    return data.astype(np.float32).mean(axis=0)  # type: ignore[no-any-return]
