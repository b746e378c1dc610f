"""A signal ends the wait of whoever looks, at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_agent.stopping import told_by_signals
from tests.servers.running import ROOT

LONG_S = 600.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_waits_is_woken(number: signal.Signals) -> None:
    with told_by_signals() as stop:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
        timer.start()
        assert stop.wait(LONG_S)
        assert stop.is_set()
        assert stop.wait(LONG_S), "and every wait after it"
        timer.join()


def test_without_a_signal_a_wait_ends_by_itself() -> None:
    with told_by_signals() as stop:
        assert not stop.wait(0.01)
        assert not stop.wait(-1)
        assert not stop.is_set()


def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with told_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_a_hail_of_signals_between_short_waits_stops_nothing_else() -> None:
    """A thousand of them, at moments of their own, into a loop that only waits."""
    program = (
        "from edge_agent.stopping import told_by_signals\n"
        "with told_by_signals() as stop:\n"
        "    print('ready', flush=True)\n"
        "    while not stop.wait(0): pass\n"
        "    for _ in range(200_000): stop.wait(0)\n"
        "print('ended', stop.is_set())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(1000):
            process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ended True\n"
        assert process.wait() == 0
