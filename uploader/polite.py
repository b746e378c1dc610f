"""Sending only what nobody else wants: a rate from the delay that we see. Pure.

Every round trip the controller is told the smoothed round-trip time and how many bytes have been
acknowledged, and answers with a rate. What the path needs without any queue (`base`) is the least
round trip of the last minutes; all above is queue: ours, which we drain, or another's, to whom we
yield. The idea is that of LEDBAT (RFC 6817); the form is ours:

- *start*: double what is acknowledged each round trip, until that grows no more or a queue shows.
- *cruise*: a little below the capacity, so that queues are empty. Now and then *probe*: a little
  above. A queue confirms the capacity; none says that there is more, and the next probe is bolder.
- *yield*: a queue beyond `TARGET_S` is somebody else's. Down to a floor within a few round trips.
- *regrow*: calm for a while. Doubling again up to the capacity that was known, not by single steps:
  otherwise each short use of the link by others would cost minutes.

The floor is two packets a round trip, or one every `DELAYED_ACK_S`: below that the receiver waits
with its acknowledgement (RFC 1122, 4.2.3.2), which looks like a queue, and the controller locks
itself at the bottom. Where even that is a tenth of the link, we *trickle*: two packets at once,
every `TRICKLE_S`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

#: A queue of this many seconds is somebody else's. LEDBAT++ takes 60 ms too.
TARGET_S = 0.060
#: Above this base the path is a satellite or a weak mobile link, whose delay wanders.
LONG_BASE_S = 0.25
LONG_TARGET_S = 0.100
#: Cruising below the capacity empties what a probe has queued.
CRUISE, PROBE, BOLD_PROBE = 0.97, 1.10, 1.35
#: What a queue leaves of the capacity at least: of one that we seem to have made, and of another's.
MOST_LOSS, SOME_LOSS = 0.7, 0.85
CRUISE_ROUNDS, PROBE_ROUNDS = 12, 2
#: On a long way twelve rounds would be four seconds for each step of a tenth: this long is enough.
CRUISE_S, LEAST_CRUISE_ROUNDS = 2.1, 4
#: Rounds and seconds without a queue, after which the others are taken to be gone.
CALM_ROUNDS, CALM_TRICKLES, CALM_S = 3, 2, 1.0
#: The least round trip of so many seconds is the base; older ones may be of another route.
BASE_WINDOW_S = 300.0
#: Before anything is known: small enough for any link that can carry a lecture at all.
FIRST_RATE = 16_000.0
FLOOR_PACKETS = 2
#: Of two packets that are sent apart the first waits for the second with its acknowledgement, or
#: for this long (Linux' least delay): no queue, though it looks like one.
DELAYED_ACK_S = 0.05
#: A floor above this share of the capacity would take from the others what they feel.
FLOOR_SHARE = 0.10
TRICKLE_S = 1.5

Phase = Literal["start", "cruise", "probe", "yield", "regrow"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What TCP says (Linux: TCP_INFO): seconds since the connection began, seconds, bytes, bytes.

    `srtt` is RFC 6298's average over about eight acknowledgements.
    """

    now: float
    srtt: float
    acked: int
    mss: int = 1448
    #: Nothing waits to be sent: that little is acknowledged says nothing of the way.
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a place: bytes per second, and seconds of a round trip without a queue."""

    capacity: float
    base: float


class Polite:
    """One connection's rate. Call `rate_after` every `interval_s`; time begins at 0."""

    def __init__(self, known: Route | None = None) -> None:
        """`known`: what an earlier connection to the same place found.

        Without it a queue that stands already at the beginning is taken for the way itself.
        """
        self.phase: Phase = "regrow" if known else "start"
        self.capacity = known.capacity if known else 0.0
        #: What the link carried when it was free: others make `capacity` smaller, for a while.
        self._free = self.capacity
        self.rate = FIRST_RATE
        #: Send `FLOOR_PACKETS` packets at once and then nothing until the next call.
        self.trickles = False
        self._told = FIRST_RATE
        self._last_trip = 0.0
        self._best = 0.0
        self._bold = False
        self._long = False
        self._rounds = 0
        self._since = 0.0
        self._bases = deque([(0.0, known.base)] if known else [])
        self._samples: deque[Sample] = deque()

    def rate_after(self, sample: Sample) -> float:
        """Bytes per second until the next call."""
        base = self._base(sample)
        if sample.idle:
            self._samples.clear()
            self._samples.append(sample)
            return self._told
        apart = min(sample.mss / self._told, DELAYED_ACK_S)
        self._last_trip = self._round_trip(sample)
        queue = max(0.0, self._last_trip - base - apart)
        self._long = base > LONG_BASE_S
        target = LONG_TARGET_S if self._long else TARGET_S
        delivered = self._delivered(sample)
        if self._samples[-1].now - self._samples[0].now >= sample.srtt:
            self._rounds += 1  # of less than a round trip nothing is learnt
        wanted = self._next(sample, queue / target, delivered)
        floor = FLOOR_PACKETS * sample.mss / min(max(base, 0.001), FLOOR_PACKETS * DELAYED_ACK_S)
        self.rate = max(wanted, floor)
        heavy = floor > FLOOR_SHARE * max(self._free, self.capacity)
        self.trickles = heavy and self.phase == "yield" and wanted < 1.5 * floor
        self._told = FLOOR_PACKETS * sample.mss / TRICKLE_S if self.trickles else self.rate
        return self._told

    @property
    def leaps(self) -> bool:
        """More than a little more is tried than before: nothing must hold us back but the link."""
        probing = self.phase == "probe" and self._bold and self._long
        return probing or self.phase in ("start", "regrow")

    @property
    def route(self) -> Route | None:
        """What the next connection to the same place should know; None while nothing is known."""
        return Route(self.capacity, self._bases[0][1]) if self.capacity and self._bases else None

    @property
    def interval_s(self) -> float:
        """Seconds until the next call of `rate_after`: a round trip, as a rule."""
        last = self._samples[-1].srtt if self._samples else 0.0
        return TRICKLE_S if self.trickles else max(last, 0.1)

    def _next(self, sample: Sample, queue: float, delivered: float) -> float:
        """The wanted rate; `queue` in units of the target."""
        if self.phase == "start":
            return self._starting(sample, queue, delivered)
        if self.phase == "regrow" and queue > 0.5 and self.rate < 0.5 * self.capacity:
            # Too early, or the way has become slower: what is known loses its worth step by step.
            self._free = self.capacity = max(delivered, MOST_LOSS * self.capacity)
            self._enter("yield", sample)
        if self.phase == "cruise" and queue >= 1:
            self.capacity = max(delivered, SOME_LOSS * self.capacity)
            self._enter("yield", sample)
        if self.phase == "yield":
            return self._yielding(sample, queue, delivered)
        if self.phase == "regrow" and queue <= 0.5:
            return self._regrowing(sample)
        return self._cruising(sample, queue, delivered)

    def _starting(self, sample: Sample, queue: float, delivered: float) -> float:
        """`_rounds` counts those in which what is delivered has not grown by a quarter."""
        if delivered > 1.25 * self._best:
            self._rounds = 0
        self._best = max(self._best, delivered)
        if queue <= 0.5 and self._rounds < 4:
            return max(self.rate, 2 * self._best)
        self._free = self.capacity = self._best or self.rate
        if queue <= 0.5 and self._long:  # perhaps the sender was slow, and not the link
            self._bold = True
            self._enter("probe", sample)
            return BOLD_PROBE * self.capacity
        self._enter("cruise", sample)
        return 0.9 * self.capacity

    def _cruising(self, sample: Sample, queue: float, delivered: float) -> float:
        if queue > 0.5:  # ours, or of somebody who comes: one more round will tell
            self.capacity = max(delivered, MOST_LOSS * self.capacity)
            self._bold = False
            self._enter("cruise", sample)
            return 0.9 * self.capacity
        if self.phase == "cruise" and self._cruised(sample):
            self._enter("probe", sample)
        elif self.phase == "probe" and self._rounds > self._patience(delivered):
            grew = queue < 0.25 and delivered > 1.01 * self.capacity
            if grew:
                self.capacity = delivered
                self._free = max(self._free, delivered)
            # No queue and no growth either: on a long way losses hide it, or the sender is slow.
            self._bold = grew or (self._long and queue < 0.25 and not self._bold)
            self._enter("probe" if self._bold else "cruise", sample)
        if self.phase == "cruise":
            return self.capacity * CRUISE
        return self.capacity * (BOLD_PROBE if self._bold else PROBE)

    def _cruised(self, sample: Sample) -> bool:
        """Long enough to look whether there is more."""
        waited = sample.now - self._since >= CRUISE_S and self._rounds >= LEAST_CRUISE_ROUNDS
        return (self._long and waited) or self._rounds > CRUISE_ROUNDS

    def _patience(self, delivered: float) -> int:
        """Rounds of a probe: more where what was sent before it is still on its way."""
        return PROBE_ROUNDS if delivered > 0.7 * self.capacity else 3 * PROBE_ROUNDS

    def _yielding(self, sample: Sample, queue: float, delivered: float) -> float:
        """`_rounds` counts the calm ones here."""
        if queue < 0.5:
            enough = CALM_TRICKLES if self.trickles else CALM_ROUNDS
            if self._rounds >= enough and sample.now - self._since >= CALM_S:
                self._enter("regrow", sample)
                return self._regrowing(sample)
            return self.rate
        self._enter("yield", sample)
        if queue < 1:
            return self.rate
        return min(self.rate, delivered or self.rate) * (1 - min(0.5, max(0.1, 0.15 * queue)))

    def _regrowing(self, sample: Sample) -> float:
        if self.rate >= 0.9 * self.capacity:
            self._enter("probe", sample)
            self._bold = self.capacity < MOST_LOSS * self._free
            return self.capacity * (BOLD_PROBE if self._bold else PROBE)
        return min(2 * self.rate, 0.95 * self.capacity)

    def _enter(self, phase: Phase, sample: Sample) -> None:
        self.phase, self._rounds, self._since = phase, 0, sample.now

    def _round_trip(self, sample: Sample) -> float:
        """The round trip of what was acknowledged since the last call.

        The kernel's average gives each acknowledgement an eighth: after a full queue it needs
        twenty of them to forget, and who sends little has few. What it said before is taken out.
        """
        if not self._samples or self.phase == "start":
            return sample.srtt
        before = self._samples[-1]
        if sample.acked == before.acked:
            return self._last_trip  # no news
        packets = (sample.acked - before.acked) / sample.mss
        acknowledgements = 1.0 if self.trickles else max(1.0, packets)
        kept: float = (1 - 1 / 8) ** acknowledgements
        return (sample.srtt - kept * before.srtt) / (1 - kept)

    def _base(self, sample: Sample) -> float:
        """Ascending minima of the window; the first is the least."""
        while self._bases and self._bases[-1][1] >= sample.srtt:
            self._bases.pop()
        self._bases.append((sample.now, sample.srtt))
        while self._bases[0][0] < sample.now - BASE_WINDOW_S:
            self._bases.popleft()
        return self._bases[0][1]

    def _delivered(self, sample: Sample) -> float:
        """Bytes per second, acknowledged over the last two round trips or so; 0 at first.

        At the start over one: what is sent doubles with each.
        """
        self._samples.append(sample)
        span = max((1 if self.phase == "start" else 2) * sample.srtt, 0.2)
        while len(self._samples) > 2 and self._samples[1].now <= sample.now - span:
            self._samples.popleft()
        first = self._samples[0]
        elapsed = sample.now - first.now
        return (sample.acked - first.acked) / elapsed if elapsed > 0 else 0.0
