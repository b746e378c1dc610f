"""The preview of an armed or recording camera: one small JPEG, replaced about once a second.

Where the camera delivers H.264 it is each key frame; while it is recorded, one in four seconds as
long as somebody looks, else one in thirty. Who has looked shows in the file's time of access.

Only the pictures that are shown get decoded, and a preview that fails never disturbs a recording:
the file is volatile and lives on tmpfs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import av

from capture.source import CODED, NS, Frame, Sample, SourceInfo
from capture.vision import Outline, Points, Sight, moved, outline, points, preview_jpeg, sight
from edge_agent.rules.glances import Glances, Sizes, due, looked, noticed
from edge_agent.rules.pictures import DARK, SAME

INTERVAL_NS = NS


class Decoder(Protocol):
    """The part of a source that turns a sample into pictures."""

    def decode(self, sample: Sample) -> list[Frame]: ...


class Preview:
    """Offer it every sample; it takes one when it is time."""

    def __init__(self, path: Path, info: SourceInfo, dark: float = DARK) -> None:
        """`dark`: a picture below this level, of 255, is looked at again soon."""
        self._path = path
        self._inter_coded = info.delivers == "h264"
        self._glances = Glances()
        self._others = self._other_bytes = 0
        self._dark = dark
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
        if not self._due(sample, now_ns, at_rest) or self._paused:
            return
        pictures = [f for f in source.decode(sample) if isinstance(f, av.VideoFrame)]
        if not pictures:
            return
        # A tenth less, or a key frame of every second would be early by a hair.
        self._next_ns = now_ns + INTERVAL_NS * 9 // 10
        self.show(pictures[-1])
        self._glances = looked(self._glances, now_ns, self._doubtful())

    def _due(self, sample: Sample, now_ns: int, at_rest: bool) -> bool:
        if not isinstance(sample, CODED):
            return now_ns >= self._next_ns
        if not self._inter_coded:
            return sample.is_keyframe and now_ns >= self._next_ns
        if not sample.is_keyframe:
            self._others += 1
            self._other_bytes += sample.size
            return False
        sizes = Sizes(sample.size, self._other_bytes / self._others if self._others else None)
        self._others = self._other_bytes = 0
        self._glances = noticed(self._glances, now_ns, sizes)
        if at_rest:
            return now_ns >= self._next_ns
        return due(self._glances, now_ns, lambda: was_read(self._path))

    def _doubtful(self) -> bool:
        sight = self._sight
        still = sight is not None and sight.change is not None and sight.change < SAME
        return still or (sight is not None and sight.luma < self._dark)

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
            if self._inter_coded:
                forget_readers(fresh)
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):  # what is shown must not be old
                self._path.unlink(missing_ok=True)


def forget_readers(path: Path) -> None:
    """As if nobody had ever read this file. Raises OSError."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns))


def was_read(path: Path) -> bool:
    """Whether somebody has read the file since its readers were forgotten; True if in doubt."""
    try:
        if os.statvfs(path).f_flag & os.ST_NOATIME:
            return True
        return path.stat().st_atime_ns > 0
    except OSError:  # there is none to look at
        return True
