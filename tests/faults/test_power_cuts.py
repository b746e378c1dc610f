"""Laws of power cuts, on real ext4 with its journal replayed. See power.py for the rig."""

from __future__ import annotations

import os
import random
import statistics

import pytest

from tests.faults.power_cuts import LOST_AT_MOST_S, MIXED, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
#: The suite's own test cuts less, and at the moments that its mutation needs.
CUTS = int(os.environ.get("POWER_CUTS", "30"))
KINDS = os.environ.get("POWER_CUT_KINDS", " ".join(MIXED)).split()
ROOMS = 4
#: Several rooms share this PC, which may not keep up; `make power-cuts` holds a quiet one to 1.1 s.
BUSY_LOST_AT_MOST_S = 2.0


@pytest.mark.alone
def test_power_cuts_cost_the_fragment_in_flight_and_nothing_else() -> None:
    outcome = run(CUTS, ROOMS, random.randrange(1, 10**6), KINDS)
    print(outcome.table())
    assert outcome.broken == []
    assert outcome.cuts.total() >= CUTS
    assert outcome.lost_s
    assert max(outcome.lost_s) <= BUSY_LOST_AT_MOST_S
    assert statistics.median(outcome.lost_s) <= LOST_AT_MOST_S
