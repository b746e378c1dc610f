"""Laws of a file that is written for long: little of it waits for the disk at any time."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from edge_agent import growing_file
from edge_agent.growing_file import LOOK_EVERY, SYNC_EVERY, GrowingFile
from tests.finished import CAM, MIC, build
from tests.lecture_maker import job, record_pictures, record_sound


class Silent:
    """Counts."""

    def __init__(self) -> None:
        self.ticks = self.signs = 0

    def tick(self) -> None:
        self.ticks += 1

    def alive(self) -> None:
        self.signs += 1


@pytest.mark.parametrize("packet", [200, 100_000])
def test_no_more_than_some_megabytes_ever_wait(
    packet: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced, meter = tmp_path / "presenter.mp4", [0], Silent()
    path.touch()
    monkeypatch.setattr(growing_file, "sync_file", lambda it: synced.append(it.stat().st_size))
    growing, written, most = GrowingFile(path, meter), 0, 0
    while written < 3 * SYNC_EVERY:
        written += packet
        os.truncate(path, written)
        growing.tick()
        most = max(most, written - synced[-1])
    assert most <= SYNC_EVERY + LOOK_EVERY * packet
    assert meter.ticks == -(-written // packet), "each packet is heard of"
    assert meter.signs == len(synced) - 1 >= 2, "each sync is a sign of life"


def test_a_finisher_has_the_disk_take_each_long_file_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_pictures(tmp_path / "tracks" / "cam", 0, 10)
    record_sound(tmp_path / "tracks" / "mic", 0, 10)
    synced: Counter[str] = Counter()
    monkeypatch.setattr(growing_file, "SYNC_EVERY", 1)
    monkeypatch.setattr(growing_file, "sync_file", lambda path: synced.update([path.name]))
    build(job(tmp_path, [CAM, MIC]))
    assert synced["presenter.mp4"] > 0
