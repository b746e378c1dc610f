"""kill -9 while recording: at most a second and a packet are gone, the rest opens."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from encoders.boxes import read_index, segment_facts, trim_and_close

ROOT = Path(__file__).parent.parent
#: One second of fragment, one picture (or packet) that opens the next one, rounding.
MOST_LOST_S = 1.0 + 1 / 30 + 0.022


def record_and_kill(folder: Path, kind: str, packets: int) -> int:
    """Lecture nanoseconds up to which packets had been handed over at the kill."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.recording_child", str(folder), kind],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as child:
        assert child.stdout is not None
        handed = [child.stdout.readline() for _ in range(packets)]
        os.kill(child.pid, signal.SIGKILL)
        handed += child.stdout.read().splitlines(keepends=True)
    whole = [line for line in handed if line.endswith(b"\n")]
    return int(whole[-1])


def recover(folder: Path) -> int:
    """Lecture nanoseconds up to which the recovered track plays without a hole."""
    for part in folder.glob("*.part"):
        trim_and_close(part)
    end = 0
    for path in sorted(folder.glob("*.mp4")):
        index = read_index(path)
        assert segment_facts(path) is not None
        assert end in (0, index.start_ns)
        end = index.end_ns
        with av.open(str(path)) as container:
            assert sum(1 for p in container.demux() if p.dts is not None) == index.packets
    return end


@pytest.mark.parametrize(
    ("kind", "packets"),
    [
        *itertools.product(["h264", "aac"], [1, 29, 32, 61, 200, 299, 302, 331, 640]),
        *itertools.product(["hevc", "av1"], [1, 32, 302]),
    ],
)
def test_a_kill_costs_at_most_a_second_and_a_packet(
    tmp_path: Path, kind: str, packets: int
) -> None:
    folder = tmp_path / kind
    handed_ns = record_and_kill(folder, kind, packets)
    lost_s = (handed_ns - max(recover(folder), 10**9 - 21_333_333)) / 1e9
    assert lost_s <= MOST_LOST_S
