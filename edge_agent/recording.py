"""One recording of one track: samples in, segment files out. Lives inside a recorder.

The first picture is the one that was showing when record was pressed, stamped with that instant,
and sound is cut to the sample at both ends, so all tracks of a lecture begin and end together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import av
from av.stream import Stream
from av.video.frame import PictureType

from capture.source import NS, TIME_BASE, Frame, Sample, SourceInfo
from edge_agent.encoding import Encoding
from edge_agent.messages import Record, RecorderSpec
from edge_agent.packet_recording import PacketRecording
from edge_agent.rules.overload import Step, kept, smaller
from edge_agent.window import Window
from encoders.canvas import matrix_of
from encoders.encoder import (
    AacEncoder,
    AudioSpec,
    Encoder,
    H264Encoder,
    VideoSpec,
    open_audio_encoder,
)
from encoders.ladder import SOFTWARE
from encoders.passthrough import PassThrough
from encoders.planes import planes
from encoders.rotation import FETCHED_FRAGMENT_NS, FRAGMENT_NS, Rotation
from encoders.rungs import codec_of, open_rung
from encoders.segment import Segment
from encoders.segments import TrackWriter
from encoders.stillness import STILL_PICTURES, STILL_SEGMENT_NS, Stillness


class Decoder(Protocol):
    """The part of a source that turns a sample into pictures or sound."""

    def decode(self, sample: Sample) -> list[Frame]: ...


class Recording(Protocol):
    """Feed it every sample from the command on; it is over when `take` or its window says so."""

    lecture: str
    window: Window

    def open_with(self, recent: Iterable[Sample]) -> None:
        """Begin with what was there when the command came."""

    def take(self, sample: Sample) -> bool:
        """Record what lies inside the window. True: its end has been reached."""

    def mute(self, mono_ns: int) -> None:
        """Black and silence follow. A camera's own packets cannot be painted: its file ends."""

    def ease(self, step: Step) -> None:
        """Give up so much, or take it back. A camera's own packets are as they are."""

    def close(self) -> None:
        """Write out what is left; durable on return. Raises DiskProblem."""


class FrameRecording:
    """Pictures and sound through an encoder. With `stillness`, only pictures that changed."""

    def __init__(
        self,
        command: Record,
        decoder: Decoder,
        encoding: Encoding,
        fps: float,
        open_encoder: Callable[[bool, str], Encoder],
        stillness: Stillness | None = None,
    ) -> None:
        """`open_encoder(smaller than usual?, name)` is for what overload asks for."""
        self.lecture = command.lecture
        self.window = Window(command)
        self._decoder = decoder
        self._encoding = encoding
        self._fps = fps
        self._open_encoder = open_encoder
        self._stillness = stillness
        self._always_sparse = self._sparse = command.sparse
        self._small = False
        self._last_ns: int | None = None

    def open_with(self, recent: Iterable[Sample]) -> None:
        """The picture that was showing when record was pressed, and the sound since then."""
        for sample in recent:
            if isinstance(sample, av.AudioFrame):
                self._sound(sample)
                continue
            for frame in self._decoder.decode(sample)[-1:]:
                if isinstance(frame, av.VideoFrame):
                    frame.pts = self.window.epoch_ns + self.window.start_ns
                    frame.time_base = TIME_BASE
                    self._picture(frame)

    def take(self, sample: Sample) -> bool:
        if isinstance(sample, av.AudioFrame):
            return self._sound(sample)
        if self._sparse and sample.pts is not None:  # left out before it costs its decoding
            if not kept(self._last_ns, sample.pts, self._fps):
                return self.window.ended(sample.pts - self.window.epoch_ns)
            self._last_ns = sample.pts
        past = False
        for frame in self._decoder.decode(sample):
            if isinstance(frame, av.VideoFrame):
                past = self._picture(frame)
        return past

    def mute(self, mono_ns: int) -> None:
        """Nothing to do: the veil paints what comes."""

    def ease(self, step: Step) -> None:
        self._sparse = self._always_sparse or step >= Step.RATE
        small = step >= Step.SIZE
        if small != self._small:
            self._small = small
            self._encoding.change(partial(self._open_encoder, small))

    def close(self) -> None:
        self._encoding.close(self.window.end_ns)

    def _picture(self, frame: av.VideoFrame) -> bool:
        assert frame.pts is not None
        at_ns = frame.pts - self.window.epoch_ns
        if self.window.ended(at_ns):
            return True
        if at_ns >= self.window.start_ns:
            self.window.began(at_ns)
            frame.pts, frame.time_base = at_ns, TIME_BASE
            due = self._encoding.keyframe_due(at_ns)
            frame.pict_type = PictureType.I if due else PictureType.NONE
            if self._stillness is None or self._stillness.wants(at_ns, planes(frame), due):
                self._encoding.feed(frame)
        return False

    def _sound(self, frame: av.AudioFrame) -> bool:
        assert frame.pts is not None
        at_ns = frame.pts - self.window.epoch_ns
        cut = cut_sound(frame, at_ns, self.window.start_ns, self.window.end_ns)
        if cut is not None:
            assert cut.pts is not None
            self.window.began(cut.pts)
            self._encoding.feed(cut)
        return self.window.ended(at_ns + duration_ns(frame))


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
    on_encoder: Callable[[str, str, str], None] = lambda *_: None,
) -> Recording:
    """A recording as the command asks, with the encoder that fits the source."""

    still = spec.still and info.media == "video" and info.delivers != "h264"
    rotation = Rotation(fragment_ns=FETCHED_FRAGMENT_NS if info.bursts else FRAGMENT_NS)
    if still:
        rotation = Rotation(segment_ns=STILL_SEGMENT_NS, most_packets=STILL_PICTURES)

    def writer(template: Stream) -> TrackWriter:
        return TrackWriter(
            Path(command.directory),
            template,
            on_fragment=on_fragment,
            on_segment=on_segment,
            rotation=replace(rotation),
        )

    if info.delivers == "h264":
        return PacketRecording(command, writer)
    rungs = [AacEncoder.name] if info.media == "audio" else command.encoders
    if still:  # hardware holds pictures back, which are seconds here; and slides cost little
        rungs = [name for name in rungs if name in SOFTWARE.values()] or [H264Encoder.name]
    opening = partial(_encoder, command, spec, info, still)
    encoding = Encoding(rungs, partial(opening, False), writer, on_encoder)
    stillness = Stillness() if still else None
    return FrameRecording(command, decoder, encoding, info.fps, opening, stillness)


def encoder_name(info: SourceInfo) -> str:
    """What will encode this source, for people."""
    if info.delivers == "h264":
        return PassThrough.name
    return AacEncoder.name if info.media == "audio" else H264Encoder.name


def _encoder(
    command: Record, spec: RecorderSpec, info: SourceInfo, still: bool, small: bool, name: str
) -> Encoder:
    if info.media == "audio":
        return open_audio_encoder(AudioSpec(info.channels, spec.audio_kbps))
    size = command.canvas or (info.width, info.height)
    width, height = smaller(*size) if (small or command.small) and not still else size
    return open_rung(
        name,
        VideoSpec(
            width,
            height,
            info.fps,
            codec_of(name),
            crf=spec.crf,
            max_kbps=spec.max_kbps,
            full_range_in=info.full_range,
            matrix=matrix_of(info.delivers, info.pix_fmt),
            still=still,
            preset=command.preset,
        ),
    )
