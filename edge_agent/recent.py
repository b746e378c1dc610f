"""What an armed recorder remembers, so that a recording begins at the press and not after it."""

from __future__ import annotations

from collections import deque

import av

from capture.source import CODED, NS, Sample

#: How much sound is kept: commands are handled within a second.
SOUND_NS = NS
#: A camera whose key frames are further apart than this begins with its next one.
MOST_PACKETS = 600


class Recent:
    """The latest picture; or the packets since the last key frame; or the last second of sound."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        if isinstance(sample, av.AudioFrame):
            self._sound(sample)
            return
        alone = not isinstance(sample, CODED) or sample.is_keyframe
        if alone or len(self.samples) >= MOST_PACKETS:
            self.samples.clear()
        if alone or self.samples:
            self.samples.append(sample)

    def _sound(self, frame: av.AudioFrame) -> None:
        self.samples.append(frame)
        while (frame.pts or 0) - (self.samples[0].pts or 0) > SOUND_NS:
            self.samples.popleft()
