"""A link as a fluid: one bottleneck with a queue, a polite sender, and a greedy one at times.

Not a packet is simulated; what matters to a delay-based sender is: a shared queue, its delay in the
round trip, and a competitor that fills it (window growth after RFC 9438, CUBIC).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from uploader.polite import FLOOR_PACKETS, Polite, Route, Sample

STEP_S = 0.005
#: Linux: how long the receiver of a lone packet waits for another before it acknowledges.
DELAYED_ACK_S = 0.04
PACKET = 1448


@dataclass
class Greedy:
    """CUBIC: grows until the queue overflows, then goes back to 0.7 of its window."""

    window: float = 10.0 * PACKET
    flying: float = 0.0
    _threshold: float = float("inf")
    _top: float = 0.0
    _cut_s: float = 0.0

    def sends(self, room: float) -> float:
        amount = max(0.0, min(self.window - self.flying, room))
        self.flying += amount
        return amount

    def lost(self, amount: float, now: float, round_trip: float) -> None:
        self.flying -= amount
        if now - self._cut_s > round_trip:
            self._top, self.window, self._cut_s = self.window, 0.7 * self.window, now
            self._threshold = self.window

    def acknowledged(self, amount: float, now: float) -> None:
        self.flying -= amount
        if self.window < self._threshold:
            self.window += amount
            return
        back = (self._top * 0.3 / PACKET / 0.4) ** (1 / 3)
        cubic = 0.4 * (now - self._cut_s - back) ** 3 * PACKET + self._top
        self.window = min(max(self.window, cubic), self.window + amount)


@dataclass
class Moment:
    """What went through in one step: bytes of ours, bytes of the greedy one, seconds of queue."""

    ours: float
    theirs: float
    queue: float


@dataclass
class Link:
    """`rate` bytes per second, `base` seconds of round trip, room for `buffer` seconds of queue."""

    rate: float
    base: float = 0.1
    buffer: float = 0.5
    #: The greedy sender is there from … to.
    greedy: tuple[float, float] = (1e9, 1e9)
    known: Route | None = None
    moments: list[Moment] = field(default_factory=list)

    def run(self, seconds: float) -> Link:
        polite, cubic = Polite(self.known), Greedy()
        queues = [0.0, 0.0]
        on_way: deque[tuple[float, float, float]] = deque()
        acked, told, burst, srtt, due = 0.0, 0.0, 0.0, self.base, 0.0
        for step in range(int(seconds / STEP_S)):
            now = step * STEP_S
            room = self.rate * STEP_S
            queues[0] += burst if polite.trickles else polite.rate * STEP_S
            burst = 0.0
            if self.greedy[0] <= now < self.greedy[1]:
                queues[1] += cubic.sends(3 * room)
            over = max(0.0, sum(queues) - self.rate * self.buffer)
            if over:
                lost = over * queues[1] / sum(queues)
                queues = [q - over * q / sum(queues) for q in queues]
                if lost:
                    cubic.lost(lost, now, srtt)
            through = min(1.0, room / sum(queues)) if sum(queues) else 0.0
            ours, theirs = (q * through for q in queues)
            queues = [q * (1 - through) for q in queues]
            delay = sum(queues) / self.rate
            self.moments.append(Moment(ours, theirs, delay))
            on_way.append((now + self.base, ours, theirs))
            while on_way[0][0] <= now:
                _, mine, others = on_way.popleft()
                acked += mine
                cubic.acknowledged(others, now)
            # Every second packet is acknowledged, and each acknowledgement is an eighth (RFC 6298).
            while acked - told >= 0.99 * FLOOR_PACKETS * PACKET:
                waits = min(PACKET / polite.rate, DELAYED_ACK_S)
                srtt += (self.base + delay + waits - srtt) / 8
                told += FLOOR_PACKETS * PACKET
            if now >= due:
                polite.rate_after(Sample(now, srtt, int(acked), PACKET))
                due = now + polite.interval_s
                burst = float(FLOOR_PACKETS * PACKET) if polite.trickles else 0.0
        return self

    def ours(self, begin: float, end: float) -> float:
        """Our share of the link between two times, 0 to 1."""
        return sum(m.ours for m in self._between(begin, end)) / (self.rate * (end - begin))

    def theirs(self, begin: float, end: float) -> float:
        """The greedy sender's share."""
        return sum(m.theirs for m in self._between(begin, end)) / (self.rate * (end - begin))

    def median_queue(self, begin: float, end: float) -> float:
        """Seconds."""
        queues = sorted(m.queue for m in self._between(begin, end))
        return queues[len(queues) // 2]

    def _between(self, begin: float, end: float) -> list[Moment]:
        return self.moments[int(begin / STEP_S) : int(end / STEP_S)]
