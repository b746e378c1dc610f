"""Put one track's packets on the disk so that a power cut takes about a second, not a lecture.

The recipe: new `.part` → write + fdatasync per fragment → close → rename → fsync folder → tell.
What has queued up behind a slow sync is covered by the next one together: a disk whose sync takes
two seconds still keeps up with a fragment a second.
The encoding thread never waits for the disk: `TrackWriter.write` puts fragments on a queue and
one thread of ours empties it. A disk error is kept and raised at the next `write`; after one,
nothing is tried again on that file (a second fsync may lie), and what was durable stays as `.part`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from av.stream import Stream

from encoders.disk import Disk
from encoders.fragments import AnyPacket, Coded, Fragment, FragmentMuxer
from encoders.rotation import SECOND, Rotation
from encoders.segment import Segment, next_sequence, segment_name

#: How much may wait for a slow disk: stalls of 0.3 s are normal, of 10 s survivable.
QUEUE_BYTES = 64 * 1024 * 1024
QUEUE_NS = 60 * SECOND


class DiskProblem(Exception):
    """The track cannot be written any further; says why and what to do.

    `cause` is the gap's cause in the words that stand in the manifest.
    """

    def __init__(self, reason: str, hint: str, cause: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.cause = cause


class DiskStalled(DiskProblem):
    """The disk did not take the data in time."""


_KEPT = "what was written before is kept."
_NEXT = {errno.EROFS: "The disk is read-only. Restart this PC, which checks its disk; "}


class DiskFailed(DiskProblem):
    """The disk refused; `error` says how."""

    def __init__(self, error: OSError, path: Path) -> None:
        super().__init__(
            f"writing {path} failed: {error.strerror or error}",
            _NEXT.get(error.errno or 0, "Check free space and the disk's health; ") + _KEPT,
            "disk full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disk failed",
        )
        self.error = error


class SegmentWriter:
    """One segment file. Every method may block; after an OSError only `abandon` is allowed."""

    def __init__(self, folder: Path, seq: int, header: bytes, disk: Disk) -> None:
        self.path = folder / segment_name(seq)
        self.part = folder / (segment_name(seq) + ".part")
        self._seq = seq
        self._header = header
        self._disk = disk
        self._fd: int | None = None
        self._sha = hashlib.sha256()
        self._bytes = 0
        self._packets = 0
        self._start_ns = 0
        self._end_ns = 0

    def append(self, *fragments: Fragment) -> None:
        """On return the fragments survive a power cut."""
        data = [piece for fragment in fragments for piece in fragment.pieces]
        if self._fd is None:
            data.insert(0, self._header)
            self._start_ns = fragments[0].start_ns
            self._fd = self._disk.create(self.part)
            self._disk.sync_folder(self.part.parent)
        self._disk.write(self._fd, data)
        for piece in data:  # now it lies in the processor's caches: after the sync a fifth dearer
            self._sha.update(piece)
        self._disk.sync(self._fd)
        self._bytes += sum(map(len, data))
        self._packets += sum(fragment.packets for fragment in fragments)
        self._end_ns = fragments[-1].end_ns

    def close(self) -> Segment | None:
        """Give the file its name. None when nothing was appended (there is no file then)."""
        if self._fd is None:
            return None
        fd, self._fd = self._fd, None
        self._disk.close(fd)
        self._disk.rename(self.part, self.path)
        self._disk.sync_folder(self.path.parent)
        return Segment(
            seq=self._seq,
            name=self.path.name,
            bytes=self._bytes,
            sha256=self._sha.hexdigest(),
            start_ns=self._start_ns,
            end_ns=self._end_ns,
            packets=self._packets,
        )

    def abandon(self) -> None:
        """Let go of the file as it is; recovery will find it.

        One in which nothing is durable yet goes: a disk that stays full must not fill with those.
        """
        if self._fd is not None:
            fd, self._fd = self._fd, None
            if not self._bytes:
                with contextlib.suppress(OSError):
                    self._disk.remove(self.part)
            self._disk.close(fd)


@dataclass(frozen=True, slots=True)
class _Rotate:
    """Queue entry: close the segment; the next fragment opens another."""


class TrackWriter:
    """A track's packets to its folder of segments.

    `write` and `close` belong to one thread; the callbacks run in the disk's thread and must
    neither block for long nor raise. `on_fragment(end_ns)`: safe up to here.
    """

    def __init__(
        self,
        folder: Path,
        template: Stream,
        *,
        on_fragment: Callable[[int], None] = lambda _end_ns: None,
        on_segment: Callable[[Segment], None] = lambda _segment: None,
        disk: Disk | None = None,
        queue_bytes: int = QUEUE_BYTES,
        queue_ns: int = QUEUE_NS,
        rotation: Rotation | None = None,
    ) -> None:
        self._folder = folder
        self._on_fragment = on_fragment
        self._on_segment = on_segment
        self._disk = disk or Disk()
        self._queue_bytes, self._queue_ns = queue_bytes, queue_ns
        self._rotation = rotation or Rotation()
        self._muxer = FragmentMuxer(template, self._rotation.fragment_ns)
        self._queue: deque[Fragment | _Rotate] = deque()
        self._waiting_bytes = 0
        self._change = threading.Condition()
        self._closing = False
        self._ended = False
        self._problem: DiskProblem | None = None
        self._thread: threading.Thread | None = None

    def keyframe_due(self, frame_ns: int) -> bool:
        """Ask before encoding a picture: must it be a key frame? True once per segment."""
        return self._rotation.keyframe_due(frame_ns)

    def write(self, packet: AnyPacket) -> None:
        """Take a packet stamped in lecture time. Never waits for the disk; raises DiskProblem."""
        self.put(self._muxer.coded(packet))

    def put(self, sample: Coded) -> None:
        """As `write`, of what stands as in the file already."""
        self._raise_problem()
        at_ns = sample.dts * SECOND // self._muxer.timescale
        first = self._rotation.start_ns is None
        if self._rotation.opens_segment(at_ns, sample.key) and not first:
            self._put(self._muxer.finish(at_ns), _Rotate())
        self._put(self._muxer.add(sample))

    def close(self, end_ns: int | None = None, deadline_s: float = 20.0) -> None:
        """Hold the last picture until `end_ns`, finish the segment, wait for the disk."""
        if not isinstance(self._problem, DiskFailed):
            self._put(self._muxer.finish(end_ns), _Rotate())
        with self._change:
            self._closing = True
            self._change.notify_all()
            if self._thread is not None and not self._change.wait_for(
                lambda: self._ended, deadline_s
            ):
                self._problem = self._problem or self._stalled(f"{deadline_s:.0f} s at the end")
        self._raise_problem()

    def _raise_problem(self) -> None:
        with self._change:
            if self._problem is None and self._ended and not self._closing:
                raise RuntimeError("the disk thread ended early: a callback raised")
            if self._problem is not None:
                raise self._problem

    def _put(self, *entries: Fragment | _Rotate | None) -> None:
        some = [entry for entry in entries if entry is not None]
        if not some:  # as with nearly every packet: the disk thread is not woken for it
            return
        with self._change:
            self._queue.extend(some)
            self._waiting_bytes += sum(e.size for e in some if isinstance(e, Fragment))
            self._check_room()
            self._change.notify_all()
        if self._thread is None and self._queue:
            # Daemon: a disk that hangs for ever must not keep the process from ending.
            self._thread = threading.Thread(target=self._drain, name="disk", daemon=True)
            self._thread.start()

    def _check_room(self) -> None:
        """Latch DiskStalled when too much waits. What waits is still written if the disk wakes."""
        waiting = [entry for entry in self._queue if isinstance(entry, Fragment)]
        if self._problem is not None or not waiting:
            return
        span_ns = waiting[-1].end_ns - waiting[0].start_ns
        if self._waiting_bytes > self._queue_bytes or span_ns > self._queue_ns:
            self._problem = self._stalled(f"{span_ns / SECOND:.0f} s of media")

    def _stalled(self, what: str) -> DiskStalled:
        return DiskStalled(
            f"the disk has not taken {what} for {self._folder}",
            "Check the disk's health and what else writes to it.",
            "disk stalled",
        )

    def _drain(self) -> None:
        try:
            self._drain_until_closed()
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _drain_until_closed(self) -> None:
        writer: SegmentWriter | None = None
        while (entry := self._take()) is not None:
            try:
                writer = writer or self._new_segment()
                done = self._perform(writer, entry)
            except OSError as error:
                self._fail(error, writer)
                return
            if not isinstance(entry, _Rotate):
                self._on_fragment(entry[-1].end_ns)
                continue
            writer = None
            if done is not None:
                self._on_segment(done)

    @staticmethod
    def _perform(writer: SegmentWriter, entry: list[Fragment] | _Rotate) -> Segment | None:
        if isinstance(entry, _Rotate):
            return writer.close()
        writer.append(*entry)
        return None

    def _take(self) -> list[Fragment] | _Rotate | None:
        """All fragments that wait for this segment, or its end; None when all is written."""
        with self._change:
            self._change.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            fragments: list[Fragment] = []
            while self._queue and isinstance(entry := self._queue[0], Fragment):
                fragments.append(entry)
                self._queue.popleft()
                self._waiting_bytes -= entry.size
            if fragments:
                return fragments
            self._queue.popleft()
            return _Rotate()

    def _new_segment(self) -> SegmentWriter:
        self._disk.make_folder(self._folder)
        seq = next_sequence(self._disk.names(self._folder))
        return SegmentWriter(self._folder, seq, self._muxer.header, self._disk)

    def _fail(self, error: OSError, writer: SegmentWriter | None) -> None:
        with self._change:
            self._problem = DiskFailed(error, writer.part if writer else self._folder)
            self._queue.clear()
            self._waiting_bytes = 0
        if writer is not None:
            try:
                writer.abandon()
            except OSError:
                return  # The first error is the one to tell.
