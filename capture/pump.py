"""The pump: the one thread that waits for a device, and the bounded queue behind it.

What comes at once is handed on at once: to wake the recorder for each packet costs more than to
record it.

Reading and recording are apart so that a slow encoder or disk never makes the driver's few buffers
overflow unseen. When the queue is full the newest sample is dropped and counted; after a dropped
H.264 packet everything up to the next key frame goes too, since it could not be decoded.
"""

from __future__ import annotations

import queue
import threading
import time

from capture.source import CODED, Sample, Source, SourceError
from capture.units import UnitPacket

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
        """With `batch_s` nobody is woken: `take` sleeps so long, and has what has come."""
        self._source = source
        self._batch_s = batch_s
        self._capacity = capacity
        self._queue: queue.SimpleQueue[list[Sample] | SourceError] = queue.SimpleQueue()
        self._error: SourceError | None = None
        self._inter_coded = inter_coded
        self._waits_for_key = False
        #: What has come together, and not been handed on.
        self._together: list[Sample] = []
        #: Each is counted by one thread alone.
        self._given = self._taken = 0
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
        return min(1.0, (self._given - self._taken) / self._capacity)

    def take(self, timeout_s: float) -> list[Sample]:
        """The next samples; none came in time when there are none. Raises the device's SourceError,
        after its last sample."""
        if self._error is not None:
            raise self._error
        samples = self._collect() if self._batch_s else self._next(timeout_s)
        self._taken += len(samples)
        if self._error is not None and not samples:
            raise self._error
        return samples

    def _next(self, timeout_s: float) -> list[Sample]:
        """What came together, or nothing."""
        try:
            found = self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get_nowait()
        except queue.Empty:
            return []
        if not isinstance(found, SourceError):
            return found
        self._error = found
        return []

    def _collect(self) -> list[Sample]:
        time.sleep(self._batch_s)
        samples: list[Sample] = []
        while found := self._next(0.0):
            samples += found
        return samples

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._put(self._source.read())
        except SourceError as error:
            self._hand_on()
            self._queue.put(error)

    def _put(self, sample: Sample) -> None:
        key = isinstance(sample, CODED) and sample.is_keyframe
        if self._waits_for_key and not key:
            self.dropped += 1
        elif self._given - self._taken >= self._capacity:
            self.dropped += 1
            self._waits_for_key = self._inter_coded
        else:
            self._waits_for_key = False
            self._given += 1
            self._together.append(sample)
        if not (isinstance(sample, UnitPacket) and sample.more):
            self._hand_on()

    def _hand_on(self) -> None:
        if self._together:
            together, self._together = self._together, []
            self._queue.put(together)
