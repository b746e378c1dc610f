"""A room that keeps hundreds of lectures is as quick as one that keeps none."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent.facts import Observer
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from tests.archive import stock
from tests.fixed_clock import FixedClock
from tests.simulated_room import SimulatedRoom

#: How SQLite is told to write.
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
#: Tables that grow with every lecture.
GROWING = ("lectures", "tracks", "segments", "gaps", "marks", "mutes", "events", "outbox")


def statements_of_a_start(spool: Spool, clock: FixedClock | None = None) -> list[str]:
    """What recovery and the first round ask of a ledger."""
    connection = sqlite3.connect(spool.ledger, isolation_level=None)
    said: list[str] = []
    try:
        ledger, now = Ledger(connection), (clock or FixedClock()).now()
        connection.set_trace_callback(said.append)
        Recovery(spool, ledger, timedelta(minutes=1)).run(now)
        Observer(spool, ledger, 0).facts(now, (), None, {}, False)
    finally:
        connection.close()
    return said


def test_a_start_asks_the_ledger_as_much_with_many_lectures_as_with_few(tmp_path: Path) -> None:
    few, many = Spool(tmp_path / "few"), Spool(tmp_path / "many")
    stock(few, 2, waiting=1)
    stock(many, 40, waiting=20)
    assert len(statements_of_a_start(many)) == len(statements_of_a_start(few))


def test_nothing_that_is_asked_each_round_reads_a_whole_table(tmp_path: Path) -> None:
    room = SimulatedRoom(tmp_path)
    try:
        said: list[str] = []
        room._connection.set_trace_callback(said.append)
        for verb in ("start", "mark", "mute", "unmute", "pause", "resume", "stop"):
            room.post(verb, {}, verb, 30)
            room.run(3)
        room.run(5)
        room._connection.set_trace_callback(None)
        asked = {each for each in said if each.startswith(("SELECT", "UPDATE", "DELETE"))}
        assert len(asked) > 20
        for each in asked:
            plan = [row["detail"] for row in room._connection.execute(f"EXPLAIN QUERY PLAN {each}")]
            scans = [step for step in plan if step.removeprefix("SCAN ") in GROWING]
            assert not scans, f"{each} reads a whole table: {scans}"
    finally:
        room.close()


def test_a_lecture_is_received_when_its_last_file_has_its_receipt(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    waiting = stock(spool, 3, waiting=1)[-1]
    ledger = Ledger.write(spool.ledger)
    try:
        now = FixedClock().now()
        *others, last = ledger.outbox(waiting)
        for row in others:
            ledger.delivered(row, {"sha256": row.sha256}, now)
            assert ledger.received() == []
        ledger.delivered(last, {"sha256": last.sha256}, now)
        assert ledger.received() == [waiting]
    finally:
        ledger.close()


def waits_for_the_disk(said: list[str]) -> int:
    """Commits: those of transactions, and of each write that stands alone."""
    within = alone = 0
    for each in said:
        within += each.startswith("BEGIN") - each.startswith(("COMMIT", "ROLLBACK"))
        alone += not within and each.startswith(WRITES)
    return alone + said.count("COMMIT")


def test_recovery_waits_for_the_disk_once_for_each_torn_file_and_once_for_the_lecture(
    tmp_path: Path,
) -> None:
    room = SimulatedRoom(tmp_path)
    try:
        room.post("start", {}, "start")
        room.run(7)
        room.cut_power(30, None)
        said = statements_of_a_start(room.spool, room.clock)
        lecture = room.ledger.active()
        assert lecture is not None
        assert len(room.ledger.gaps(lecture.id)) == 2
        assert waits_for_the_disk(said) == 3
    finally:
        room.close()


@pytest.mark.parametrize("state", [State.PACKAGED, State.DELIVERED])
def test_segments_that_a_kill_has_left_behind_go_even_from_a_delivered_lecture(
    tmp_path: Path, state: State
) -> None:
    room = SimulatedRoom(tmp_path)
    try:
        for verb in ("start", "stop"):
            room.post(verb, {}, verb)
            room.run(4)
        lecture = room.ledger.lectures()[0].id
        room.kill_supervisor()
        if state is State.DELIVERED:
            room.upload(20)
        track = room.spool.track(lecture, "camera")
        track.mkdir(parents=True)
        (track / "000001.mp4").write_bytes(b"left by a kill before it was dropped")
        room.ledger.set_state(lecture, state)
        room.start()
        room.run(2)
        assert room.ledger.existing(lecture).state is state
        assert not room.spool.tracks(lecture).exists()
    finally:
        room.close()
