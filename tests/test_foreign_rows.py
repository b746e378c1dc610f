"""Rows and files that another version, another program or a person has written end no agent.

What was recorded is not touched, and a lecture under way goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent import lecture_file
from edge_agent.ledger_rescue import find_damage
from edge_agent.rows import BinRow
from edge_agent.rules.bookings import Outcome
from edge_agent.rules.lecture import State
from edge_agent.rules.moments import UNKNOWN
from tests.simulated_room import SimulatedRoom

NEVER = "9999-12-31T23:59:59.000Z"
ODD_TIMES = (NEVER, "0001-01-01T00:00:00.000Z", "2026-11-22T20:00:00", "never", "{}", "\0")
TIMES = ("started_utc", "until_utc", "booked_from_utc", "booked_until_utc", "ended_utc")
Begun = Callable[[], tuple[SimulatedRoom, str]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimulatedRoom]:
    room = SimulatedRoom(tmp_path)
    yield room
    room.close()


@pytest.fixture
def begun(room: SimulatedRoom) -> tuple[SimulatedRoom, str]:
    """A lecture with a planned end is under way, and the agent has just been killed."""
    room.run(3)
    until = room.clock.utc + timedelta(hours=1)
    room.post("start", {"until_utc": until.isoformat()}, "begin")
    room.run(2)
    [lecture] = room.ledger.ids(State.RECORDING)
    room.kill_supervisor()
    return room, lecture


def goes_on(room: SimulatedRoom, lecture: str) -> bool:
    """After a start; its buttons do something, or say why they do not."""
    assert find_damage(room.spool.ledger) == ""
    room.start()
    room.run(2)
    for verb, args in (("extend", {"minutes": 10}), ("pause", {}), ("resume", {}), ("mark", {})):
        command = room.ledger.command(room.post(verb, args, f"{verb} again"))
        room.run(1)
        assert command is not None
        answered = room.ledger.command(command.id)
        assert answered is not None
        assert answered.answer
    return room.ledger.existing(lecture).state is State.RECORDING


@pytest.mark.parametrize("column", TIMES)
@pytest.mark.parametrize("text", ODD_TIMES)
def test_a_time_that_nobody_can_reckon_with(
    begun: tuple[SimulatedRoom, str], column: str, text: str
) -> None:
    """An agent before this one stored the year 9999; its successor died of it at each start."""
    room, lecture = begun
    room.ledger.set_lecture(lecture, **{column: text})
    assert goes_on(room, lecture)


@pytest.mark.parametrize("text", ODD_TIMES)
def test_a_planned_end_that_nobody_can_reckon_with_after_a_power_cut(
    begun: tuple[SimulatedRoom, str], text: str
) -> None:
    room, lecture = begun
    room.ledger.set_lecture(lecture, until_utc=text)
    room.cut_power(60, None)
    assert goes_on(room, lecture)


@pytest.mark.parametrize("args", ["{", "[" * 100_000, "1" + "0" * 5000, "[]", "null", '"\\ud800"'])
def test_a_command_with_arguments_that_cannot_be_read(
    begun: tuple[SimulatedRoom, str], args: str
) -> None:
    room, lecture = begun
    number = room.post("mark", {}, "foreign")
    room.ledger._db.execute("UPDATE inbox SET args = ? WHERE id = ?", (args, number))
    assert goes_on(room, lecture)
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer


def test_a_lecture_that_was_deleted_nobody_knows_when_stays_its_full_time_in_the_bin(
    room: SimulatedRoom,
) -> None:
    room.run(3)
    room.post("start", {}, "begin")
    room.run(2)
    room.post("stop", {}, "stop")
    room.run(10)
    [lecture] = room.ledger.ids()
    room.post("delete", {"lecture": lecture, "undelivered": True}, "delete")
    room.run(2)
    room.ledger._db.execute("UPDATE bin SET deleted_utc = 'never'")
    assert room.ledger.bin() == [BinRow(lecture, UNKNOWN, "")]
    room.run(3)
    assert room.ledger.existing(lecture).state is not State.PURGED
    [row] = room.ledger.bin()
    assert abs(row.deleted - room.clock.utc) < timedelta(minutes=1)


# ---------------------------------------------------------------- bookings


def book(room: SimulatedRoom, **more: Any) -> None:
    """One that began a minute ago, in the room's copy of the timetable."""
    start = room.clock.utc - timedelta(minutes=1)
    booking = {
        "key": "by-hand:one|1",
        "starts_utc": start.isoformat(),
        "ends_utc": (start + timedelta(hours=1)).isoformat(),
        "title": "Heat",
        **more,
    }
    facts = ("checked_utc", "changed_utc", "until_utc", "etag", "sha256", "trouble")
    document = {"version": 1, "kind": "hand", "notes": [], **dict.fromkeys(facts, "")}
    folder = room.spool.schedule
    folder.mkdir(exist_ok=True)
    text = json.dumps(document | {"bookings": [booking]})
    (folder / "calendar-by-hand.json").write_text(text)


@pytest.mark.parametrize(
    ("column", "text"),
    [("outcome", "declined"), ("starts_utc", NEVER), ("starts_utc", "x"), ("ends_utc", NEVER)],
)
def test_what_another_version_has_made_of_a_booking(
    room: SimulatedRoom, column: str, text: str
) -> None:
    book(room)
    room.run(5)
    [lecture] = room.ledger.ids(State.RECORDING)
    room.kill_supervisor()
    room.ledger._db.execute(f"UPDATE bookings SET {column} = ?", (text,))
    assert goes_on(room, lecture)
    assert room.ledger.ids() == [lecture], "it has begun once more"


@pytest.mark.parametrize("words", ["{", "[1]", "null", '{"title": 5}', "[" * 100_000])
def test_a_note_of_whose_its_words_are_that_cannot_be_read(room: SimulatedRoom, words: str) -> None:
    book(room)
    room.run(5)
    [lecture] = room.ledger.ids(State.RECORDING)
    room.kill_supervisor()
    room.ledger.set_lecture(lecture, booked_words=words)
    assert goes_on(room, lecture)


@pytest.mark.parametrize(
    "more",
    [
        {"title": "half \ud83d a letter"},
        {"key": "by-hand:\ud800|1"},
        {"title": "\0\u202e../../etc/passwd\x01"},
        {"title": "ខ្មែរ" * 60_000},
    ],
)
def test_a_booking_with_strange_letters_begins(room: SimulatedRoom, more: dict[str, Any]) -> None:
    book(room, **more)
    room.run(5)
    [lecture] = room.ledger.ids(State.RECORDING)
    [row] = room.ledger.booking_rows([room.ledger.existing(lecture).booking]).values()
    assert row.outcome == Outcome.BEGUN


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T01:00:00+14:00"),
        ("9999-12-31T23:00:00-14:00", "9999-12-31T23:59:00-14:00"),
        ("2026-11-22T10:00:00", "2026-11-22T11:00:00"),
        (5, []),
    ],
)
def test_a_timetable_with_a_time_that_is_none_is_told_and_nothing_dies(
    room: SimulatedRoom, starts: object, ends: object
) -> None:
    book(room, starts_utc=starts, ends_utc=ends)
    room.run(5)
    assert room.supervisor is not None
    assert "is damaged" in room.ledger.last_events(1)[0].text
    assert room.ledger.ids() == []


# ---------------------------------------------------------------- lecture.json


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epoch_ns", 10**30),
        ("until_ns", -(10**30)),
        ("end_ns", 2**63),
        ("withheld", 2**63),
        ("started_utc", "never"),
        ("until_utc", NEVER),
        ("booked_until_utc", "x"),
        ("state", "archived"),
        ("title", "\0"),
        ("tracks", []),
    ],
)
def test_a_lecture_whose_file_says_what_no_ledger_can_hold(
    begun: tuple[SimulatedRoom, str], name: str, value: object
) -> None:
    """The ledger is lost, and built anew from what lies beside the segments."""
    room, lecture = begun
    path = room.spool.facts(lecture)
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {name: value}))
    for table in ("segments", "gaps", "tracks", "events", "mutes", "lectures"):
        room.ledger._db.execute(f"DELETE FROM {table}")
    room.start()
    room.run(3)
    assert room.supervisor is not None
    kept = lecture_file.read(path)
    if kept is None:
        assert any(room.spool.aside.iterdir()), "what is no lecture is kept aside"
    else:
        assert room.ledger.existing(lecture).id == lecture
