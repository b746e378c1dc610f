"""The law of kill -9: whoever dies and whenever, every lecture is delivered, whole and once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.kill_loop import ROOM, KillLoop
from tests.process.classroom import classroom

pytestmark = pytest.mark.slow
KILLS = 24
#: The fragment in flight, what the encoder held, and what a busy PC had not encoded yet. What is
#: promised, 1.1 s, is for a PC that keeps up; `make kill-loop` holds a quiet one to it.
LOST_AT_MOST_S = 2.0


@pytest.mark.alone
@pytest.mark.timeout(420)
def test_random_kills_lose_no_lecture_and_at_most_the_fragment_in_flight(
    tmp_path: Path,
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}: python -m tests.faults.kill_loop {KILLS} {seed}")
    with classroom(tmp_path, ROOM) as room:
        figures = KillLoop(room, seed).run(KILLS)
    print(f"MEASURED {figures.table()}")
    assert figures.problems == []
    assert max(figures.lost_s) <= LOST_AT_MOST_S
