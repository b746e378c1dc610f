"""Polite sending over an emulated link, as root: alone, beside a plain sender, and after it.

    python -m benchmarks.politeness [--mbit 4] [--round-trip 0.1] [--queue 0.5]

Real TCP through two network namespaces (benchmarks.link). A plain sender (the kernel's CUBIC, as
curl's) runs alone first: that is what the link carries, and the delay that it causes. Delay is that
of somebody else's small packets, twenty a second, beyond what they take on the idle link: of our
own packets each waits for its own bytes and the receiver's delayed acknowledgement, which nobody
else feels. A machine that is busy with other things spoils it: the emulator must run in time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from benchmarks.link import Link
from benchmarks.measure import Row, machine
from uploader.pacer import Pacer, TcpInfo

PORT = 9000
IDLE_S, PLAIN_S, ALONE_S, TOGETHER_S, AFTER_S = 3.0, 15.0, 25.0, 25.0, 15.0
STEP_S = 0.5
#: A packet of somebody who talks: so often, and so large.
PROBE_S, PROBE_BYTES = 0.05, 60


@dataclass(frozen=True)
class Look:
    """What had been acknowledged by then, as the kernel says."""

    at: float
    acked: int


@dataclass(frozen=True)
class Trip:
    """When a probe left, and how long it and its echo took."""

    at: float
    seconds: float


def sink() -> None:
    """Takes whatever comes, from anybody, and gives probes back, until it is killed."""
    with (
        socket.create_server(("0.0.0.0", PORT)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo,
    ):
        echo.bind(("0.0.0.0", PORT))
        threading.Thread(target=give_back, args=(echo,), daemon=True).start()
        print("ready", flush=True)
        children = []
        while True:
            peer, _ = listener.accept()
            reader = [sys.executable, "-c", "while __import__('os').read(0, 1 << 16): pass"]
            children.append(subprocess.Popen(reader, stdin=peer))
            peer.close()


def give_back(echo: socket.socket) -> None:
    while True:
        echo.sendto(*echo.recvfrom(PROBE_BYTES))


def probe(seconds: float) -> None:
    """Prints what its small packets took, as JSON; a lost one took for ever and is left out."""
    trips = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((Link.FAR, PORT))
        end = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= due:
                sock.send(struct.pack("=d", now).ljust(PROBE_BYTES, b"\0"))
                due += PROBE_S
            sock.settimeout(max(0.001, due - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                (sent,) = struct.unpack_from("=d", sock.recv(PROBE_BYTES))
                trips.append((sent, time.monotonic() - sent))
    print(json.dumps(trips))


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
                looks.append((now, info.acked))
                due = now + STEP_S
    print(json.dumps(looks))


def start(link: Link, kind: str, seconds: float) -> subprocess.Popen[str]:
    command = [*link.near, sys.executable, "-m", "benchmarks.politeness", "--send", kind]
    return subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, text=True)


def told(child: subprocess.Popen[str]) -> list[list[float]]:
    text, _ = child.communicate()
    found: list[list[float]] = json.loads(text)
    return found


def looks_of(child: subprocess.Popen[str]) -> list[Look]:
    return [Look(at, round(acked)) for at, acked in told(child)]


def rate(looks: list[Look], begin: float, end: float) -> float:
    """Bytes per second between two instants."""
    inside = [look for look in looks if begin <= look.at <= end]
    return (inside[-1].acked - inside[0].acked) / (inside[-1].at - inside[0].at)


def median_ms(trips: list[Trip], begin: float, end: float) -> float:
    """Of the probes that left in this time."""
    return 1000 * statistics.median(trip.seconds for trip in trips if begin <= trip.at <= end)


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
            whole_s = IDLE_S + PLAIN_S + ALONE_S + TOGETHER_S + AFTER_S
            prober = start(link, "probe", whole_s)
            idle = time.monotonic()
            time.sleep(IDLE_S)
            plain = looks_of(start(link, "plain", PLAIN_S))
            begin = time.monotonic()
            child = start(link, "polite", ALONE_S + TOGETHER_S + AFTER_S)
            time.sleep(ALONE_S)
            came = time.monotonic()
            other = looks_of(start(link, "plain", TOGETHER_S))
            gone = time.monotonic()
            ours = looks_of(child)
            trips = [Trip(at, seconds) for at, seconds in told(prober)]
        finally:
            taker.kill()
            taker.stdout.close()
    solo = rate(plain, plain[0].at + 5, plain[-1].at)
    base_ms = median_ms(trips, idle + 0.5, plain[0].at)
    curls_ms = median_ms(trips, plain[0].at + 5, plain[-1].at) - base_ms
    alone = rate(ours, begin + 8, came) / solo
    delay_ms = median_ms(trips, begin + 8, came) - base_ms
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
            "… added delay of others, median",
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
    elif options.send and options.send[0] == "probe":
        probe(float(options.send[1]))
    elif options.send:
        sender(options.send[0], float(options.send[1]))
    else:
        print(f"{machine()}; {options.mbit:g} Mbit/s, {1000 * options.round_trip:.0f} ms\n")
        print("| what | target | measured | |\n|---|---|---|---|")
        for row in rows(options.mbit, options.round_trip, options.queue):
            print(row, flush=True)


if __name__ == "__main__":
    main()
