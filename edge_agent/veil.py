"""The veil between a device and everything that shows or records it, for privacy mute.

It is the first thing that a sample meets, in the one thread that takes samples and then reads
commands: once the command lies in the pipe, at most what was then in hand passes, taken before it.
"""

from __future__ import annotations

import av

from capture.source import CODED, TIME_BASE, Frame, Sample, Source, SourceInfo

#: Captured after any instant that will come.
FOR_EVER = 1 << 62


class Veil:
    """Closed, it lets black pictures and zero samples through instead of real ones."""

    def __init__(self, source: Source, info: SourceInfo, closed: bool) -> None:
        self._source = source
        self._info = info
        #: Samples captured before this monotonic instant are veiled.
        self._until_ns = FOR_EVER if closed else 0
        self._waits_for_key = False

    @property
    def closed(self) -> bool:
        return self._until_ns == FOR_EVER

    def close(self) -> None:
        self._until_ns = FOR_EVER

    def open(self, at_mono_ns: int) -> None:
        """What was captured before that instant stays veiled, wherever it waited meanwhile."""
        if self.closed:
            self._until_ns = at_mono_ns

    def over(self, sample: Sample) -> Sample | None:
        """The sample, or what may be seen of it. None: a camera's own packets are left out."""
        veiled = sample.pts is None or sample.pts < self._until_ns
        if self._info.delivers == "h264" and isinstance(sample, CODED):
            self._waits_for_key = veiled or (self._waits_for_key and not sample.is_keyframe)
            return None if self._waits_for_key else sample
        if not veiled:
            return sample
        if isinstance(sample, av.AudioFrame):
            return _silence(sample)
        picture = self.black()
        picture.pts, picture.time_base = sample.pts, TIME_BASE
        return picture

    def decode(self, sample: Sample) -> list[Frame]:
        """As the source decodes; black pictures need no decoding."""
        if isinstance(sample, av.VideoFrame | av.AudioFrame):
            return [sample]
        return self._source.decode(sample)

    def black(self) -> av.VideoFrame:
        """A picture of the device's size."""
        frame = av.VideoFrame(self._info.width or 16, self._info.height or 16, "yuv420p")
        luma = 0 if self._info.full_range else 16
        for plane, value in zip(frame.planes, (luma, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return frame


def _silence(sound: av.AudioFrame) -> av.AudioFrame:
    silent = av.AudioFrame(sound.format.name, sound.layout.name, sound.samples)
    for plane in silent.planes:
        plane.update(bytes(plane.buffer_size))
    silent.sample_rate = sound.sample_rate
    silent.pts, silent.time_base = sound.pts, sound.time_base
    return silent
