"""The small pictures of a lecture under way, made of its closed segments piece by piece.

Reads only segments that are closed, writes only below the lecture's `renditions` folder, and syncs
nothing: beside a recording that would make the recording's own syncs wait. What was made is judged
when the lecture is finished, see `encoders.live_pieces`.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

import av

from edge_agent.render_messages import LiveJob
from edge_agent.rules.renditions import worth_making
from encoders.encoder import VIDEO_SCALE
from encoders.inserts import way
from encoders.live_picture import Closed, Run, closed, live_folder, live_piece, runs
from encoders.live_pieces import path_of, read_live, write_live
from encoders.small_picture import PictureSpec, last_slot, small_size

#: Free space that must stay for the recording beside it.
RESERVE_BYTES = 1024 * 1024 * 1024


class Live:
    """The small pictures of one track, as far as its segments go."""

    def __init__(self, job: LiveJob) -> None:
        self._job = job
        lecture = Path(job.lecture_dir)
        self._track = lecture / "tracks" / job.track
        self._work = lecture / "renditions"
        self._spec: PictureSpec | None = None
        self._known: dict[str, Closed | None] = {}
        #: Runs that cannot be decoded; after the lecture they are tried again, in another way.
        self._bad: set[str] = set()

    def step(self) -> bool:
        """Make the next piece, if its segments are there. Raises OSError."""
        segments = self._closed()
        if not segments or not self._worth(segments):
            return False
        spec = self._spec = self._spec or self._wish(segments[0])
        folder = live_folder(self._work, spec)
        before: Path | None = None
        for run in runs(segments):
            path = path_of(folder, run.first, run.last)
            if path.name not in self._bad and not path.exists():
                self._make(run, path, before, spec)
                return True
            before = path
        return False

    def _closed(self) -> list[Closed]:
        """Only closed segments bear this name. What is known of one never changes."""
        names = sorted(path.name for path in self._track.glob("*.mp4"))
        for name in names:
            if name not in self._known:
                self._known[name] = closed(self._track / name)
        found = (self._known[name] for name in names)
        return [each for each in found if each is not None]

    def _worth(self, segments: list[Closed]) -> bool:
        there = sum(each.path.stat().st_size for each in segments)
        length = sum(each.stop - each.start for each in segments)
        return worth_making(there, length / VIDEO_SCALE, self._job.camera_kbps)

    def _wish(self, segment: Closed) -> PictureSpec:
        _codec, width, height = way(segment.path)
        return PictureSpec(self._job.camera, self._job.camera_kbps, *small_size(width, height))

    def _make(self, run: Run, path: Path, before: Path | None, spec: PictureSpec) -> None:
        if shutil.disk_usage(self._work).free < RESERVE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._work))
        path.parent.mkdir(exist_ok=True)
        slot = _slot_before(before) if run.joined and before is not None else -1
        try:
            write_live(path, live_piece(run.segments, spec, slot))
        except (av.FFmpegError, ValueError) as error:
            self._bad.add(path.name)
            print(f"{run.first} to {run.last}: {error}", file=sys.stderr)


def _slot_before(path: Path) -> int:
    """Which fifteenth of a second has its picture already, by the piece before."""
    piece = read_live(path) if path.exists() else None
    return last_slot(piece.units) if piece else -1
