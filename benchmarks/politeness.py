"""Polite sending over an emulated link, as root: alone, beside a plain sender, and after it.

    python -m benchmarks.politeness [--mbit 4] [--round-trip 0.1] [--queue 0.5]

Real TCP through two network namespaces (benchmarks.link). A plain sender (the kernel's CUBIC, as
curl's) runs alone first: that is what the link carries, and the delay that it causes. A machine
that is busy with other things spoils it: the emulator must run in time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.link import Link
from benchmarks.measure import Row, machine
from uploader.pacer import Pacer, TcpInfo

PORT = 9000
ALONE_S, TOGETHER_S, AFTER_S = 25.0, 25.0, 15.0
STEP_S = 0.5


@dataclass(frozen=True)
class Look:
    """What had been acknowledged by then, and the round trip, both from the kernel."""

    at: float
    acked: int
    srtt_s: float


def sink() -> None:
    """Takes whatever comes, from anybody, until it is killed."""
    with socket.create_server(("0.0.0.0", PORT)) as listener:
        print("ready", flush=True)
        children = []
        while True:
            peer, _ = listener.accept()
            reader = [sys.executable, "-c", "while __import__('os').read(0, 1 << 16): pass"]
            children.append(subprocess.Popen(reader, stdin=peer))
            peer.close()


def sender(kind: str, seconds: float) -> None:
    """Sends for so long, and prints what it saw as JSON."""
    looks = []
    with socket.create_connection((Link.FAR, PORT)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 64 << 10)
        sock.settimeout(0.05)
        pacer = Pacer(lambda: None, lambda: True, time.monotonic)
        if kind == "polite":
            pacer.opened(sock)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        end, due = time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < end:
            with contextlib.suppress(TimeoutError):
                sock.send(bytes(16 << 10))
            if kind == "polite":
                pacer.tick(sock)
            if now >= due:
                info = TcpInfo.of(sock)
                looks.append((now, info.acked, info.srtt_s))
                due = now + STEP_S
    print(json.dumps(looks))


def start(link: Link, kind: str, seconds: float) -> subprocess.Popen[str]:
    command = [*link.near, sys.executable, "-m", "benchmarks.politeness", "--send", kind]
    return subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, text=True)


def looks_of(child: subprocess.Popen[str]) -> list[Look]:
    text, _ = child.communicate()
    return [Look(*values) for values in json.loads(text)]


def rate(looks: list[Look], begin: float, end: float) -> float:
    """Bytes per second between two instants."""
    inside = [look for look in looks if begin <= look.at <= end]
    return (inside[-1].acked - inside[0].acked) / (inside[-1].at - inside[0].at)


def added_ms(looks: list[Look], begin: float, end: float, base_s: float) -> float:
    """The median of what the round trip is longer than the link's own."""
    trips = sorted(look.srtt_s for look in looks if begin <= look.at <= end)
    return 1000 * (trips[len(trips) // 2] - base_s)


def rows(mbit: float, round_trip_s: float, queue_s: float) -> list[Row]:
    with Link(mbit=mbit, round_trip_s=round_trip_s, queue_s=queue_s) as link:
        taker = subprocess.Popen(
            [*link.far, sys.executable, "-m", "benchmarks.politeness", "--sink"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert taker.stdout is not None
        taker.stdout.readline()
        try:
            plain = looks_of(start(link, "plain", 15.0))
            begin = time.monotonic()
            child = start(link, "polite", ALONE_S + TOGETHER_S + AFTER_S)
            time.sleep(ALONE_S)
            came = time.monotonic()
            other = looks_of(start(link, "plain", TOGETHER_S))
            gone = time.monotonic()
            ours = looks_of(child)
        finally:
            taker.kill()
            taker.stdout.close()
    solo = rate(plain, plain[0].at + 5, plain[-1].at)
    curls_ms = added_ms(plain, plain[0].at + 5, plain[-1].at, round_trip_s)
    alone = rate(ours, begin + 8, came) / solo
    delay_ms = added_ms(ours, begin + 8, came, round_trip_s)
    theirs = rate(other, came + 5, gone) / solo
    back = rate(ours, gone + 9, gone + 14) / solo
    return [
        Row(
            f"polite on {mbit:g} Mbit/s, {1000 * round_trip_s:.0f} ms: of a plain sender's rate",
            "≥ 92 %",
            f"{alone:.0%}",
            alone >= 0.92,
        ),
        Row(
            "… added delay, median",
            "≤ 15 ms",
            f"{delay_ms:.0f} ms (plain: {curls_ms:.0f} ms)",
            delay_ms <= 15,
        ),
        Row("… a plain sender beside it, after 5 s", "≥ 90 %", f"{theirs:.0%}", theirs >= 0.9),
        Row("… 10 s after that one ended", "≥ 80 %", f"{back:.0%}", back >= 0.8),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.politeness")
    words.add_argument("--mbit", type=float, default=4.0)
    words.add_argument("--round-trip", type=float, default=0.1, help="seconds")
    words.add_argument("--queue", type=float, default=0.5, help="seconds that the link can queue")
    words.add_argument("--send", nargs=2, help=argparse.SUPPRESS)
    words.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    options = words.parse_args()
    if options.sink:
        sink()
    elif options.send:
        sender(options.send[0], float(options.send[1]))
    else:
        print(f"{machine()}; {options.mbit:g} Mbit/s, {1000 * options.round_trip:.0f} ms\n")
        print("| what | target | measured | |\n|---|---|---|---|")
        for row in rows(options.mbit, options.round_trip, options.queue):
            print(row, flush=True)


if __name__ == "__main__":
    main()
