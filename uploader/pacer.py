"""Keeps a live connection at the rate that `Polite` and the limits allow. Linux.

Reads TCP_INFO from the socket and sets SO_MAX_PACING_RATE on it (tcp(7), socket(7); the offsets are
those of `struct tcp_info` in linux/tcp.h, which only ever grows at its end). Needs no privilege and
no queueing discipline.

Where BBR is allowed it is used: CUBIC takes each random loss for a full queue. But it needs eight
round trips for each quarter that it grows, and sends lone packets at a low rate, which the receiver
acknowledges late. So we yield with Reno, which sends two at once however low the rate, and grow
again with a BBR that begins anew, doubling.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from uploader.polite import Polite, Route, Sample

#: From asm-generic/socket.h; Python's socket module does not name it.
SO_MAX_PACING_RATE = 47
#: What an old kernel takes, too: 32 bits. All ones is "no limit".
NO_LIMIT = (1 << 32) - 1
#: A limit below this would let the server's patience end before a block has left.
LEAST_RATE = 1_000
_INFO_BYTES = 232


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """Of the fields of `struct tcp_info` those that matter here."""

    mss: int
    srtt_s: float
    retransmits: int
    acked: int
    unsent: int
    #: Bytes that the other side has, in order or not: losses do not make it jump.
    delivered: int

    @classmethod
    def of(cls, sock: socket.socket) -> TcpInfo:
        """Raises OSError when the socket is closed."""
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (mss,) = struct.unpack_from("=I", raw, 16)
        (rtt_us,) = struct.unpack_from("=I", raw, 68)
        (retransmits,) = struct.unpack_from("=I", raw, 100)
        (acked,) = struct.unpack_from("=Q", raw, 120)
        (unsent,) = struct.unpack_from("=I", raw, 144)
        (packets,) = struct.unpack_from("=I", raw, 192)
        return cls(mss, rtt_us / 1e6, retransmits, acked, unsent, packets * mss)


class Pacer:
    """For one destination: `opened` is told of each new connection, `tick` called often.

    `limit` gives the bytes per second that are allowed now (None: any), `polite` whether others go
    first. `clock` is monotonic seconds.
    """

    def __init__(
        self,
        limit: Callable[[], int | None],
        polite: Callable[[], bool],
        clock: Callable[[], float],
        controller: Callable[[Route | None], Polite] = Polite,
    ) -> None:
        self._limit = limit
        self._polite = polite
        self._clock = clock
        self._controller = controller
        self._route: Route | None = None
        self._control: Polite | None = None
        self._rate = 0.0
        self._began = 0.0
        self._due = 0.0
        self._set: int | None = None
        self._has_bbr = False
        self._congestion = ""

    def opened(self, sock: socket.socket) -> None:
        """A connection to the same place begins with what the last one found out."""
        self._congestion, self._has_bbr = "", True
        try:
            self._control_by(sock, "bbr")
        except OSError:  # where it is not allowed, the kernel's own will do
            self._has_bbr = False
        self._learn()
        self._control = None
        self._set = None
        self._due = 0.0
        self.tick(sock)

    def tick(self, sock: socket.socket) -> None:
        """Set the rate anew if it is time. That a connection is closed, its next write will say."""
        with contextlib.suppress(OSError):
            self._tick(sock)

    def _tick(self, sock: socket.socket) -> None:
        now = self._clock()
        if not self._polite():
            self._learn()
            self._control = None
            self._control_by(sock, "bbr")
            self._apply(sock, None)
            return
        if self._control is None:
            self._control = self._controller(self._route)
            self._began, self._due = now, 0.0
        if now >= self._due:
            info = TcpInfo.of(sock)
            since = now - self._began
            sample = Sample(since, info.srtt_s, info.delivered, info.mss, idle=not info.unsent)
            before = self._control.leaps, self._control.capacity
            self._rate = self._control.rate_after(sample)
            self._due = now + self._control.interval_s
            if self._control.leaps and before != (True, self._control.capacity):
                self._control_by(sock, "reno")  # and a new BBR
            self._control_by(sock, "reno" if self._control.phase == "yield" else "bbr")
        self._apply(sock, self._rate)

    def _control_by(self, sock: socket.socket, congestion: str) -> None:
        if self._has_bbr and congestion != self._congestion:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
            self._congestion = congestion

    def _learn(self) -> None:
        if self._control is not None:
            self._route = self._control.route or self._route

    def _apply(self, sock: socket.socket, rate: float | None) -> None:
        allowed = [r for r in (rate, self._limit()) if r is not None]
        wanted = max(LEAST_RATE, min(NO_LIMIT - 1, int(min(allowed)))) if allowed else NO_LIMIT
        if wanted != self._set:
            sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, struct.pack("=I", wanted))
            self._set = wanted
