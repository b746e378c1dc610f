"""Laws of what lies beside a lecture's segments: whom to believe, it or the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.ledger import Ledger
from edge_agent.rules.lecture import ACTIVE, State, latest
from tests.test_recovery import Place
from tests.test_recovery import place as place


@pytest.mark.parametrize("told", [None, *State])
@pytest.mark.parametrize("packaged", [True, False])
@pytest.mark.parametrize("state", sorted(set(State) - ACTIVE))
def test_what_the_ledger_says_to_have_ended_never_goes_on(
    state: State, packaged: bool, told: State | None
) -> None:
    assert latest(state, told, packaged) is state


@pytest.mark.parametrize("packaged", [True, False])
@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_of_a_lecture_under_way_its_last_press_is_believed(state: State, packaged: bool) -> None:
    for told in (*ACTIVE, State.FINISHING):
        assert latest(state, told, packaged) is told
    assert latest(state, None, packaged) is (State.FINISHING if packaged else state)


def test_of_two_lectures_that_a_lost_ledger_had_under_way_the_later_one_goes_on(
    place: Place, tmp_path: Path
) -> None:
    """The file of the earlier one is from before its end: it cannot be under way as well."""
    place.begin("L1")
    place.record(0, 5, "L1")
    place.ledger.set_state("L1", State.FINISHING)
    place.begin("L2")
    place.record(0, 5, "L2")
    place.write_times()
    place.ledger.close()
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    place.ledger = Ledger.create(place.spool.ledger)
    place.recover()
    states = [place.ledger.existing(name).state for name in ("L1", "L2")]
    assert states == [State.FINISHING, State.RECORDING]


def test_a_file_of_an_earlier_version_tells_no_state_and_its_lecture_is_finished(
    place: Place, tmp_path: Path
) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    facts = place.spool.facts("L1")
    facts.write_text(facts.read_text().replace('"state": "recording"', '"state": ""'))
    place.recover()
    assert place.ledger.existing("L1").state is State.RECORDING, "the ledger knows"
    place.ledger.close()
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    place.ledger = Ledger.create(place.spool.ledger)
    place.recover()
    assert place.ledger.existing("L1").state is State.FINISHING
