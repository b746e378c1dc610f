"""The preview of an armed or recording camera: one small JPEG, replaced about once a second.

Where the camera delivers H.264 it is each key frame; while it is recorded, one in four seconds.

Only the pictures that are shown get decoded, and a preview that fails never disturbs a recording:
the file is volatile and lives on tmpfs.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Protocol

import av

from capture.source import NS, Frame, Sample, SourceInfo
from capture.vision import Outline, Points, Sight, moved, outline, points, preview_jpeg, sight

INTERVAL_NS = NS
#: To decode a key frame of a camera's own H.264 takes more than a second of recording it.
KEY_INTERVAL_NS = 4 * NS


class Decoder(Protocol):
    """The part of a source that turns a sample into pictures."""

    def decode(self, sample: Sample) -> list[Frame]: ...


class Preview:
    """Offer it every sample; it takes one when it is time."""

    def __init__(self, path: Path, info: SourceInfo) -> None:
        self._path = path
        self._recording_ns = KEY_INTERVAL_NS if info.delivers == "h264" else INTERVAL_NS
        self._full_range = info.full_range
        self._next_ns = 0
        self._paused = False
        self._outline: Outline | None = None
        self._points: Points | None = None
        self._moved = False
        self._sight: Sight | None = None

    def pause(self, on: bool) -> None:
        """Make none while the PC is too slow. An old picture that seems to be now is worse."""
        self._paused = on
        if on:
            self._path.unlink(missing_ok=True)

    def offer(self, sample: Sample, source: Decoder, now_ns: int, at_rest: bool) -> None:
        """`at_rest`: nothing is recorded, so that there is time for more pictures."""
        if (
            self._paused
            or now_ns < self._next_ns
            or (isinstance(sample, av.Packet) and not sample.is_keyframe)
        ):
            return
        pictures = [f for f in source.decode(sample) if isinstance(f, av.VideoFrame)]
        if not pictures:
            return
        # A tenth less, or a key frame of every second would be early by a hair.
        self._next_ns = now_ns + (INTERVAL_NS if at_rest else self._recording_ns) * 9 // 10
        self.show(pictures[-1])

    def has_moved(self) -> bool:
        """Whether two previews since the last asking differed by more than noise."""
        moved, self._moved = self._moved, False
        return moved

    def sight(self) -> Sight | None:
        """What the latest preview is like; None when there was none since the last asking."""
        sight, self._sight = self._sight, None
        return sight

    def show(self, picture: av.VideoFrame) -> None:
        """Replace the preview by this picture. A folder that is full costs the preview, no more."""
        if self._paused:
            return
        before, self._outline = self._outline, outline(picture)
        self._moved = self._moved or (before is not None and moved(before, self._outline))
        earlier, self._points = self._points, points(picture)
        self._sight = sight(self._outline, self._points, earlier)
        fresh = self._path.with_suffix(".new")
        jpeg = preview_jpeg(picture, full_range=self._full_range)
        try:
            fresh.write_bytes(jpeg)
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):  # what is shown must not be old
                self._path.unlink(missing_ok=True)
