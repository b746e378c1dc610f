"""Laws of power cuts, on real ext4 with its journal replayed. See power.py for the rig."""

from __future__ import annotations

import random
import statistics

import pytest

from tests.faults.power_cuts import LOST_AT_MOST_S, MIXED, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CUTS, ROOMS = 30, 8


def test_power_cuts_cost_the_fragment_in_flight_and_nothing_else() -> None:
    outcome = run(CUTS, ROOMS, random.randrange(1, 10**6), MIXED)
    print(outcome.table())
    assert outcome.broken == []
    assert outcome.cuts.total() >= CUTS
    assert outcome.lost_s
    assert max(outcome.lost_s) <= LOST_AT_MOST_S
    assert statistics.median(outcome.lost_s) <= LOST_AT_MOST_S
