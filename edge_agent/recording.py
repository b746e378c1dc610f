"""One recording of one track: samples in, segment files out. Lives inside a recorder.

The first picture is the one that was showing when record was pressed, stamped with that instant,
and sound is cut to the sample at both ends, so all tracks of a lecture begin and end together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import av
from av.video.frame import PictureType

from capture.source import NS, TIME_BASE, Frame, Sample, SourceInfo
from edge_agent.messages import Record, RecorderSpec
from encoders.encoder import (
    AudioSpec,
    Encoder,
    VideoSpec,
    open_audio_encoder,
    open_video_encoder,
)
from encoders.segments import Segment, TrackWriter

#: How long after its end a recording waits for late samples from before its end.
LINGER_NS = NS
#: How long the disk may take to swallow what is queued when a recording ends.
CLOSE_S = 10.0


class Decoder(Protocol):
    """The part of a source that turns a sample into pictures or sound."""

    def decode(self, sample: Sample) -> list[Frame]: ...


class Recording:
    """Feed it every sample from the command on; it is over when `take` or `overdue` says so."""

    def __init__(
        self, command: Record, decoder: Decoder, encoder: Encoder, writer: TrackWriter
    ) -> None:
        self.lecture = command.lecture
        self._epoch_ns = command.epoch_ns
        self._start_ns = command.start_mono_ns - command.epoch_ns
        self._end_ns: int | None = None
        self._decoder = decoder
        self._encoder = encoder
        self._writer = writer
        #: Lecture time of the first sample that was encoded, None before.
        self.first_ns: int | None = None

    @property
    def end_ns(self) -> int | None:
        return self._end_ns

    def finish_at(self, mono_ns: int) -> None:
        """Samples after this instant are not wanted any more."""
        self._end_ns = max(mono_ns - self._epoch_ns, self._start_ns)

    def overdue(self, mono_ns: int) -> bool:
        """Its end has passed and the device has had time to deliver what came before."""
        return self._end_ns is not None and mono_ns - self._epoch_ns > self._end_ns + LINGER_NS

    def open_with(self, recent: Iterable[Sample]) -> None:
        """Begin with what was there before the command came: the picture that was showing when
        record was pressed, and the sound since then.
        """
        for sample in recent:
            if isinstance(sample, av.AudioFrame):
                self._sound(sample)
                continue
            for frame in self._decoder.decode(sample)[-1:]:
                if isinstance(frame, av.VideoFrame):
                    frame.pts = self._epoch_ns + self._start_ns
                    frame.time_base = TIME_BASE
                    self._picture(frame)

    def take(self, sample: Sample) -> bool:
        """Record what lies between start and end. True: the end has been reached."""
        if isinstance(sample, av.AudioFrame):
            return self._sound(sample)
        past = False
        for frame in self._decoder.decode(sample):
            if isinstance(frame, av.VideoFrame):
                past = self._picture(frame)
        return past

    def close(self) -> None:
        """Write out what is left; durable on return. Raises DiskProblem."""
        self._write(self._encoder.flush())
        self._writer.close(self._end_ns, CLOSE_S)

    def _picture(self, frame: av.VideoFrame) -> bool:
        assert frame.pts is not None
        at_ns = frame.pts - self._epoch_ns
        if self._end_ns is not None and at_ns >= self._end_ns:
            return True
        if at_ns >= self._start_ns:
            self.first_ns = at_ns if self.first_ns is None else self.first_ns
            frame.pts, frame.time_base = at_ns, TIME_BASE
            due = self._writer.keyframe_due(at_ns)
            frame.pict_type = PictureType.I if due else PictureType.NONE
            self._write(self._encoder.encode(frame))
        return False

    def _sound(self, frame: av.AudioFrame) -> bool:
        assert frame.pts is not None
        at_ns = frame.pts - self._epoch_ns
        cut = cut_sound(frame, at_ns, self._start_ns, self._end_ns)
        if cut is not None:
            assert cut.pts is not None
            self.first_ns = cut.pts if self.first_ns is None else self.first_ns
            self._write(self._encoder.encode(cut))
        return self._end_ns is not None and at_ns + duration_ns(frame) >= self._end_ns

    def _write(self, packets: Iterable[av.Packet]) -> None:  # type: ignore[type-arg]
        for packet in packets:
            self._writer.write(packet)


def duration_ns(frame: av.AudioFrame) -> int:
    return frame.samples * NS // frame.sample_rate


def cut_sound(
    frame: av.AudioFrame, at_ns: int, start_ns: int, end_ns: int | None
) -> av.AudioFrame | None:
    """A copy of the part of a block at lecture time `at_ns` inside [start, end), or None."""
    rate = frame.sample_rate
    first = max(0, -(-(start_ns - at_ns) * rate // NS))
    last = frame.samples
    if end_ns is not None:
        last = min(last, (end_ns - at_ns) * rate // NS)
    if first >= last:
        return None
    channels = frame.layout.nb_channels
    packed = not frame.format.is_planar
    array = frame.to_ndarray()
    part = array[:, first * channels : last * channels] if packed else array[:, first:last]
    out = av.AudioFrame.from_ndarray(
        part.copy(), format=frame.format.name, layout=frame.layout.name
    )
    out.sample_rate = rate
    out.pts, out.time_base = at_ns + first * NS // rate, TIME_BASE
    return out


def open_recording(
    command: Record,
    spec: RecorderSpec,
    info: SourceInfo,
    decoder: Decoder,
    on_fragment: Callable[[int], None],
    on_segment: Callable[[Segment], None],
) -> Recording:
    """A recording as the command asks, with the encoder that fits the source."""
    encoder: Encoder
    if info.media == "audio":
        encoder = open_audio_encoder(AudioSpec(info.channels, spec.audio_kbps))
    else:
        width, height = command.canvas or (info.width, info.height)
        encoder = open_video_encoder(
            VideoSpec(
                width,
                height,
                info.fps,
                crf=spec.crf,
                max_kbps=spec.max_kbps,
                full_range_in=info.full_range,
            )
        )
    writer = TrackWriter(
        Path(command.directory), encoder.template, on_fragment=on_fragment, on_segment=on_segment
    )
    return Recording(command, decoder, encoder, writer)
