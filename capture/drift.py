"""How wrong a sound card's clock is: its samples against the stamps they got. Pure.

Stamps are true to some milliseconds, so a minute tells some tens of parts per million and an hour
less than one. After an opening or a hole the stamps settle before they count.
"""

from __future__ import annotations

NS = 1_000_000_000
SETTLING_NS = 10 * NS
#: Less is no measure.
LEAST_NS = 60 * NS
#: A longer step between two blocks is a hole, or stamps that catch up after one, and no drift.
STEP_NS = 3 * NS // 2000


class Drift:
    """Of one microphone, in parts per million: negative is slow."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._first_ns = 0  # the stamp at which this run begins to count
        self._next_ns: int | None = None
        self._held = 0  # samples of this run
        self._run_ns = self._run_samples = 0
        self._past_ns = self._past_samples = 0  # of the runs before the last hole

    def add(self, pts_ns: int, samples: int) -> None:
        """A block: the stamp of its first sample, and how many there are."""
        if self._next_ns is None or abs(pts_ns - self._next_ns) > STEP_NS:
            self._past_ns += self._run_ns
            self._past_samples += self._run_samples
            self._first_ns = pts_ns + SETTLING_NS
            self._run_ns = self._run_samples = self._held = 0
        self._next_ns = pts_ns + samples * NS // self._rate
        if pts_ns < self._first_ns:
            return
        if self._held == 0:
            self._first_ns = pts_ns
        # The samples before this stamp are those that passed until it.
        self._run_ns, self._run_samples = pts_ns - self._first_ns, self._held
        self._held += samples

    @property
    def ppm(self) -> float | None:
        """None while too little has been heard."""
        passed_ns = self._past_ns + self._run_ns
        if passed_ns < LEAST_NS:
            return None
        heard_ns = (self._past_samples + self._run_samples) * NS / self._rate
        return (heard_ns / passed_ns - 1) * 1e6
