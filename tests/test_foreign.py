"""What others have sent is JSON that can be stored, shown and sent on; it ends no process."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.foreign import line, number, read_json
from edge_agent.rules.lecture import State
from tests.simulated_room import SimulatedRoom

#: A terminal that is not in UTF-8: the byte of an é, as Python passes it on.
HALF = "caf\udce9"

letters = st.text(st.characters(), max_size=5) | st.sampled_from(["\ud83d", "\ude00", "\\ud800"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | letters,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
)


@given(values, st.booleans())
def test_whatever_is_read_can_be_written(value: Any, escaped: bool) -> None:
    written = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    json.dumps(read_json(written), ensure_ascii=False).encode()


@given(values)
def test_whole_letters_stay_as_they_are(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    assert read_json(text) == read_json(text.encode()) == json.loads(text)
    assert read_json(json.dumps(json.loads(text))) == json.loads(text)


@given(st.text(st.characters(), max_size=20))
def test_a_line_is_one_line_and_tells_a_terminal_nothing(text: str) -> None:
    shown = line(f"a\x1b[2J{text}\n\u202eb")
    assert len(shown.splitlines()) == 1
    assert not {"\x1b", "\u202e", "\x07", "\x9b"} & set(shown)
    assert line(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("value", "known"),
    [(3, 3.0), (2.5, 2.5), (True, None), ("3", None), (10**400, None), (float("nan"), None),
     (float("inf"), None), (None, None)],
)  # fmt: skip
def test_a_number_is_one_that_can_be_reckoned_with(value: object, known: float | None) -> None:
    assert number(value) == known


@pytest.mark.parametrize(
    ("verb", "args"),
    [("mark", {"text": HALF}), ("edit", {"title": HALF, "lecturer": HALF}), ("start", {})],
)
def test_half_letters_in_a_command_do_not_end_the_agent(
    tmp_path: Path, verb: str, args: dict[str, Any]
) -> None:
    room = SimulatedRoom(tmp_path)
    try:
        room.run(3)
        room.post("start", {"title": HALF}, "begin")
        room.run(2)
        [lecture] = room.ledger.ids(State.RECORDING)
        number = room.post(verb, {"lecture": lecture, **args}, "again")
        room.run(2)
        command = room.ledger.command(number)
        assert command is not None
        assert command.answer is not None
        assert room.ledger.existing(lecture).title == "caf?"
    finally:
        room.close()


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("9999-12-31T23:59:59Z", True),
        ("9999-12-31T23:59:59.999999-14:00", True),
        ("0001-01-01T00:00:00+14:00", True),
        ("2026-11-22T20:00:00", False),
        ("never", False),
    ],
)
def test_an_end_that_no_clock_can_reckon_with_does_not_end_the_agent(
    tmp_path: Path, until: str, ends: bool
) -> None:
    """ "Never" is the last day of the year 9999 to many control systems."""
    room = SimulatedRoom(tmp_path)
    try:
        room.run(3)
        room.post("start", {"until_utc": until}, "begin")
        room.run(2)
        [lecture] = map(room.ledger.existing, room.ledger.ids())
        longest = timedelta(hours=room.config.recording.max_hours)
        if ends:
            assert lecture.until_utc is not None
            assert datetime.fromisoformat(lecture.until_utc) <= room.clock.utc + longest
        else:
            assert lecture.until_utc is None
        assert (lecture.state is State.RECORDING) is not until.startswith("0001")
    finally:
        room.close()
