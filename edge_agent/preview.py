"""The preview of an armed or recording camera: one small JPEG, replaced about once a second.

Only the pictures that are shown get decoded, and a preview that fails never disturbs a recording:
the file is volatile and lives on tmpfs.
"""

from __future__ import annotations

from pathlib import Path

import av

from capture.source import NS, Sample, Source
from capture.vision import preview_jpeg

INTERVAL_NS = NS


class Preview:
    """Offer it every sample; it takes one when it is time."""

    def __init__(self, path: Path, full_range: bool) -> None:
        self._path = path
        self._full_range = full_range
        self._next_ns = 0

    def offer(self, sample: Sample, source: Source, now_ns: int) -> None:
        if now_ns < self._next_ns or (isinstance(sample, av.Packet) and not sample.is_keyframe):
            return
        pictures = [f for f in source.decode(sample) if isinstance(f, av.VideoFrame)]
        if not pictures:
            return
        self._next_ns = now_ns + INTERVAL_NS
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(preview_jpeg(pictures[-1], full_range=self._full_range))
        fresh.replace(self._path)
