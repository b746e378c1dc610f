"""The pump: the one thread that waits for a device, and the bounded queue behind it.

Reading and recording are apart so that a slow encoder or disk never makes the driver's few buffers
overflow unseen. When the queue is full the newest sample is dropped and counted; after a dropped
H.264 packet everything up to the next key frame goes too, since it could not be decoded.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque

import av

from capture.source import Sample, Source, SourceError

#: Samples that may wait. Two seconds of a 30 fps camera: a longer hold-up is a fault to be told,
#: and raw 1080p pictures are 4 MB each.
CAPACITY = 60
#: Sound is what must not be lost: a hundred times less data, so ten times longer patience.
AUDIO_CAPACITY = 1000


class Pump:
    """Runs `source.read` in a thread of its own until an error or `stop`."""

    def __init__(
        self, source: Source, capacity: int, inter_coded: bool = False, batch_s: float = 0.0
    ) -> None:
        """With `batch_s` samples come by `collect` only, all that have come by then."""
        self._source = source
        self._batch_s = batch_s
        self._batch: deque[Sample | SourceError] = deque()
        self._capacity = capacity
        self._queue: queue.SimpleQueue[Sample | SourceError] = queue.SimpleQueue()
        self._inter_coded = inter_coded
        self._waits_for_key = False
        self._stopped = threading.Event()
        #: Samples dropped since the start because nobody took them in time.
        self.dropped = 0
        # Daemon: a driver that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; it may be stuck in a driver, so nobody waits for it."""
        self._stopped.set()

    @property
    def backlog(self) -> float:
        """How full the queue is, 0.0 to 1.0."""
        return min(1.0, self._queue.qsize() / self._capacity)

    def collect(self) -> None:
        """With `batch_s`, when everything is taken: sleep so long, and have what has come.

        Nobody is woken for each sample: that costs more than recording it.
        """
        if self._batch_s and not self._batch:
            time.sleep(self._batch_s)
            with contextlib.suppress(queue.Empty):
                while True:
                    self._batch.append(self._queue.get_nowait())

    def take(self, timeout_s: float) -> Sample | None:
        """The next sample, or None when none came in time. Raises the device's SourceError."""
        item = self._wait(timeout_s) if not self._batch_s else self._collected()
        if isinstance(item, SourceError):
            raise item
        return item

    def _wait(self, timeout_s: float) -> Sample | SourceError | None:
        try:
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _collected(self) -> Sample | SourceError | None:
        return self._batch.popleft() if self._batch else None

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._put(self._source.read())
        except SourceError as error:
            self._queue.put(error)

    def _put(self, sample: Sample) -> None:
        key = isinstance(sample, av.Packet) and sample.is_keyframe
        if self._waits_for_key and not key:
            self.dropped += 1
        elif self._queue.qsize() >= self._capacity:
            self.dropped += 1
            self._waits_for_key = self._inter_coded
        else:
            self._waits_for_key = False
            self._queue.put(sample)
