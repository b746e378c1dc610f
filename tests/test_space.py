"""Laws of space: what can still be recorded, and the ledger's reserve."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ballast import BYTES, ROOM_BYTES, Ballast, is_full
from edge_agent.clock_repair import ClockRepair
from edge_agent.facts import Observer
from edge_agent.guard_watch import GuardWatch
from edge_agent.ledger import Ledger
from edge_agent.power_watch import PowerWatch
from edge_agent.rules import actions as do
from edge_agent.rules.health import Phase
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import ActiveFacts, Facts, RecorderFacts, plan
from edge_agent.rules.space import MIB, hours_left, room_to_record, warning
from edge_agent.trouble import RETRY_NS, Trouble
from tests.fixed_clock import SECOND, FixedClock
from tests.simulated_room import SimulatedRoom

sizes = st.integers(0, 1 << 42)


def test_a_lecture_needs_its_room_twice_because_its_package_lies_beside_it() -> None:
    gigabyte = 10**9
    assert hours_left(36 * gigabyte // 10 + 32 * MIB, [4000]) == pytest.approx(1.0)
    assert hours_left(0, [4000]) == 0
    assert hours_left(0, []) == float("inf")


@given(sizes, sizes)
def test_more_space_never_means_less_time(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert hours_left(less, [4000, 96]) <= hours_left(more, [4000, 96])


def test_below_an_hour_or_the_planned_length_people_are_warned() -> None:
    two_hours = 2 * 36 * 10**8 + 64 * MIB
    assert warning(two_hours, [4000], None) == ""
    assert warning(two_hours, [4000], 1.5) == ""
    assert "of a lecture of 180" in warning(two_hours, [4000], 3.0)
    assert "about 30 minutes" in warning(two_hours // 4 + 16 * MIB, [4000], None)


def test_a_recording_ended_by_the_full_disk_goes_on_only_with_more_room() -> None:
    assert room_to_record(40 * MIB, was_full=False)
    assert not room_to_record(40 * MIB, was_full=True)
    assert room_to_record(64 * MIB, was_full=True)
    assert not room_to_record(31 * MIB, was_full=False)


# ---------------------------------------------------------------- the plan

RECORDING = RecorderFacts("camera", Phase.RECORDING, 10 * SECOND, "L1")
LECTURE = ActiveFacts("L1", State.RECORDING, frozenset({"camera"}), frozenset(), 10 * SECOND)


def planned(recorder: RecorderFacts, lecture: ActiveFacts = LECTURE) -> list[do.Action]:
    return plan(Facts(10 * SECOND, (recorder,), lecture, room_to_record=False))


def test_on_a_full_disk_a_recorder_closes_its_file_and_then_the_gap_opens() -> None:
    assert planned(RECORDING) == [do.FinishTrack("camera", "L1")]
    closing = RecorderFacts("camera", Phase.FINISHING, 10 * SECOND, "L1")
    assert planned(closing) == []
    armed = RecorderFacts("camera", Phase.ARMED, 10 * SECOND)
    assert planned(armed) == [do.OpenGap("L1", "camera", "disk full")]
    with_gap = ActiveFacts("L1", State.RECORDING, LECTURE.tracks, LECTURE.tracks, 10 * SECOND)
    assert planned(armed, with_gap) == []
    again = plan(Facts(10 * SECOND, (armed,), with_gap))
    assert again == [do.RecordTrack("camera", "L1")]


# ---------------------------------------------------------------- ballast and refusals


def full() -> sqlite3.OperationalError:
    """What SQLite raises when its database may not grow."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (a)")
    database.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError, match="full") as caught:
        database.execute("INSERT INTO t VALUES (zeroblob(100000))")
    database.close()
    return caught.value


def test_the_ballast_is_made_when_there_is_room_and_given_up_once(tmp_path: Path) -> None:
    ballast, file = Ballast(tmp_path / "ledger.db"), tmp_path / "ledger.ballast"
    ballast.keep(ROOM_BYTES - 1)
    assert not file.exists()
    ballast.keep(ROOM_BYTES)
    assert file.stat().st_blocks * 512 >= BYTES
    assert ballast.give_up()
    assert not ballast.give_up()
    assert not file.exists()


def test_a_full_ledger_gives_up_its_reserve_and_is_tried_again_at_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ledger.db")
    ballast.keep(ROOM_BYTES)
    trouble, tries = Trouble(ballast), iter([full(), full(), None])

    def effect() -> None:
        if error := next(tries):
            raise error

    assert is_full(full())
    assert not trouble.attempt("it", effect, 0)
    assert not (tmp_path / "ledger.ballast").exists()
    assert not trouble.attempt("it", effect, 0)
    assert "full" in trouble.text
    assert not trouble.attempt("it", effect, RETRY_NS - 1), "without a reserve it is not hurried"
    assert trouble.attempt("it", effect, RETRY_NS)
    assert trouble.text == ""


def test_what_is_not_wanted_any_more_is_no_trouble(tmp_path: Path) -> None:
    trouble = Trouble(Ballast(tmp_path / "ledger.db"))

    def effect() -> None:
        raise OSError(5, "Input/output error")

    assert not trouble.attempt(do.MarkDelivered("L1"), effect, 0)
    assert not trouble.attempt(do.MarkDelivered("L2"), effect, 0)
    trouble.forget_all_but([do.MarkDelivered("L1")])
    assert "the disk fails" in trouble.text
    trouble.forget_all_but([])
    assert trouble.text == ""


@pytest.mark.parametrize(
    "step", [(PowerWatch, "step"), (GuardWatch, "look"), (ClockRepair, "look"), (Observer, "facts")]
)
def test_a_step_of_each_round_that_is_refused_is_tried_once_a_second_and_told_once(
    step: tuple[type, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk would fill the log, twenty lines a second."""
    room, tries = SimulatedRoom(tmp_path, {"camera": {"kind": "synthetic"}}), []

    def refuse(*_: object) -> None:
        tries.append(1)
        raise full()

    room.run(1)
    monkeypatch.setattr(*step, refuse)
    assert room.supervisor is not None
    for _ in range(40):
        room.clock.pass_time(0.05)
        room.supervisor.step()
    assert 2 <= len(tries) <= 4, "at once, with the reserve given up, and once a second"
    assert capsys.readouterr().err.count("refused") == 1
    room.close()


def test_a_commit_that_fails_leaves_no_transaction_behind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.create(path)
    now = FixedClock().now()
    reader = sqlite3.connect(path, isolation_level=None)
    pages = reader.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"), ledger.transaction():
        ledger.add_event(now, "kind", "text " * 10_000)
    ledger._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    with ledger.transaction():
        ledger.add_event(now, "kind", "kept")
    assert reader.execute("SELECT text FROM events").fetchall() == [("kept",)]
    reader.close()
    ledger.close()
