"""Keeping a live connection at its rate: real sockets, real TCP_INFO."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from uploader.pacer import LEAST_RATE, NO_LIMIT, SO_MAX_PACING_RATE, Pacer, TcpInfo
from uploader.polite import Phase, Polite, Route, Sample

UNITS = Path(__file__).parents[1] / "systemd"
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


@dataclass
class Policy:
    """What people and the timetable want at the moment."""

    limit: int | None = None
    polite: bool = False
    now: float = 100.0

    def pacer(self, controller: Callable[[Route | None], Polite] = Polite) -> Pacer:
        return Pacer(lambda: self.limit, lambda: self.polite, lambda: self.now, controller)


def rate_of(sock: socket.socket) -> int:
    raw = sock.getsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, 4)
    (rate,) = struct.unpack("=I", raw)
    return int(rate)


def talk(pair: Pair, amount: int) -> None:
    client, server = pair
    client.sendall(bytes(amount))
    left = amount
    while left:
        left -= len(server.recv(left))


def test_tcp_info_counts_what_was_acknowledged(pair: Pair) -> None:
    before = TcpInfo.of(pair[0])
    for _ in range(50):
        talk(pair, 10_000)
    after = TcpInfo.of(pair[0])
    assert 400_000 <= after.acked - before.acked <= 500_000
    assert after.delivered - before.delivered >= after.acked - before.acked
    assert after.retransmits == 0
    assert 500 <= after.mss <= 65_536
    assert 0 < after.srtt_s < 1


def test_tcp_info_tells_whether_anything_waits_to_be_sent(pair: Pair) -> None:
    client, server = pair
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 64 << 10)
    talk(pair, 10_000)
    assert TcpInfo.of(client).unsent == 0
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            client.send(bytes(1 << 16))  # until the other side's window is full
    assert TcpInfo.of(client).unsent > 0
    assert server.recv(1)


def test_full_speed_has_no_rate(pair: Pair) -> None:
    Policy().pacer().opened(pair[0])
    assert rate_of(pair[0]) == NO_LIMIT


def test_a_limit_holds_on_a_live_connection_at_once(pair: Pair) -> None:
    policy = Policy(limit=64_000)
    pacer = policy.pacer()
    pacer.opened(pair[0])
    assert rate_of(pair[0]) == 64_000
    policy.limit = 32_000
    pacer.tick(pair[0])
    assert rate_of(pair[0]) == 32_000
    policy.limit = None
    pacer.tick(pair[0])
    assert rate_of(pair[0]) == NO_LIMIT


def test_a_limit_that_would_stand_still_is_raised(pair: Pair) -> None:
    Policy(limit=1).pacer().opened(pair[0])
    assert rate_of(pair[0]) == LEAST_RATE


def test_politeness_begins_low_and_grows_round_trip_by_round_trip(pair: Pair) -> None:
    policy = Policy(polite=True)
    pacer = policy.pacer()
    pacer.opened(pair[0])
    rates = [rate_of(pair[0])]
    for _ in range(4):
        talk(pair, 10_000)
        policy.now += 0.2
        pacer.tick(pair[0])
        rates.append(rate_of(pair[0]))
    assert rates == sorted(rates)
    assert rates[-1] < NO_LIMIT


def test_politeness_stays_below_the_limit_and_may_be_switched_off(pair: Pair) -> None:
    policy = Policy(polite=True, limit=5_000)
    pacer = policy.pacer()
    pacer.opened(pair[0])
    assert rate_of(pair[0]) == 5_000
    policy.polite, policy.limit = False, None
    pacer.tick(pair[0])
    assert rate_of(pair[0]) == NO_LIMIT


def congestion(sock: socket.socket) -> str:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


def bbr_is_allowed() -> bool:
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
        except OSError:
            return False
    return True


def test_what_it_chooses_an_installed_service_is_allowed() -> None:
    """Without the line only root is; modprobe makes BBR known to begin with."""
    lines = (UNITS / "edge-agent.sysctl.conf").read_text().splitlines()
    allowed = [
        line.partition("=")[2].split() for line in lines if "allowed" in line and "=" in line
    ]
    assert [{"bbr", "reno", "cubic"}] == [set(names) for names in allowed]
    assert (UNITS / "edge-agent.modules-load.conf").read_text().split() == ["tcp_bbr"]


class Told(Polite):
    """Is in the phases that a test says, one after the other."""

    def __init__(self, phases: list[Phase]) -> None:
        super().__init__()
        self._phases = phases

    def rate_after(self, sample: Sample) -> float:
        self.phase = self._phases.pop(0)
        return 50_000.0


def test_it_yields_with_reno_and_grows_with_a_bbr_that_begins_anew(pair: Pair) -> None:
    """Where BBR is not allowed, what the kernel has chosen stays."""
    growing, yielding = ("bbr", "reno") if bbr_is_allowed() else (congestion(pair[0]),) * 2
    phases: list[Phase] = ["start", "yield", "yield", "regrow", "cruise", "yield"]
    policy = Policy(polite=True)
    pacer = policy.pacer(lambda _route: Told(phases))
    pacer.opened(pair[0])
    seen = [congestion(pair[0])]
    while phases:
        policy.now += 10
        pacer.tick(pair[0])
        seen.append(congestion(pair[0]))
    assert seen == [growing, yielding, yielding, growing, growing, yielding]
    policy.polite = False
    pacer.tick(pair[0])
    assert congestion(pair[0]) == growing


def test_a_closed_connection_is_left_to_the_sender(pair: Pair) -> None:
    policy = Policy(polite=True)
    pacer = policy.pacer()
    pacer.opened(pair[0])
    pair[0].close()
    policy.now += 1
    pacer.tick(pair[0])
    with pytest.raises(OSError, match="Bad file descriptor"):
        pair[0].send(b"x")
