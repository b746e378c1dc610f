"""A change of the configuration changes its own lines only, and no comment is lost."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config_edit import CannotEdit, key_path, key_text, value_of, with_value, without
from tests.config_desk import KEYS, SAMPLE, TEXT


@pytest.mark.parametrize(
    ("key", "path"),
    [("room.name", ("room", "name")), ('a."b.c".d', ("a", "b.c", "d")), ("room", ("room",))],
)
def test_a_key_is_dotted_and_a_part_may_stand_in_quotes(key: str, path: tuple[str, ...]) -> None:
    assert key_path(key) == path
    assert key_text(path) == key


@pytest.mark.parametrize("text", ["", "room.", "a b", "x = 1 #", "x = 1\ny", "[room]", 'a."b'])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        key_path(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("true", True),
        ('["en", "km"]', ["en", "km"]),
        ('"B"', "B"),
        ("B-204", "B-204"),
        ("", ""),
        ("1\ny = 2", "1\ny = 2"),
        ('{ kind = "v4l2" }', {"kind": "v4l2"}),
    ],
)
def test_a_value_is_toml_or_else_a_text(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_a_changed_key_changes_its_own_line_only() -> None:
    assert with_value(TEXT, ("room", "name"), "Aula") == TEXT.replace('"Hall"', '"Aula"')


def test_a_new_key_follows_the_last_one_of_its_table_and_no_comment_of_the_next() -> None:
    changed = with_value(TEXT, ("recording", "undo_seconds"), 60)
    assert changed == TEXT.replace("max_hours = 4.0\n", "max_hours = 4.0\nundo_seconds = 60\n")


def test_a_new_table_comes_at_the_end() -> None:
    assert with_value(TEXT, ("tracks", "cam", "kind"), "screen") == (
        TEXT + '\n[tracks.cam]\nkind = "screen"\n'
    )


def test_a_key_that_is_taken_out_takes_its_line_only() -> None:
    assert without(TEXT, ("recording", "max_hours")) == TEXT.replace("max_hours = 4.0\n", "")


@pytest.mark.parametrize(
    "text",
    ['room.name = "x" # why\n', 'room = { name = "x" } # why\n', '["room"]\nname = "x" # why'],
)
def test_every_form_of_a_table_can_be_changed(text: str) -> None:
    changed = with_value(text, ("room", "institution"), "RUPP")
    assert tomllib.loads(changed) == {"room": {"name": "x", "institution": "RUPP"}}
    assert "# why" in changed


def test_a_key_below_a_value_cannot_be_set() -> None:
    with pytest.raises(CannotEdit, match=r"name is no table"):
        with_value(TEXT, ("room", "name", "short"), "H")


_NAMES = st.sampled_from([("tracks", "camera", "options", "a.b"), ("new", "t"), ("x",), *KEYS])
_VALUES = st.one_of(st.text(max_size=20), st.integers(-9, 9), st.booleans(), st.lists(st.text()))


@given(st.lists(st.tuples(_NAMES, _VALUES), min_size=1, max_size=4))
def test_after_any_changes_the_file_says_just_that_and_no_comment_is_lost(
    changes: list[tuple[tuple[str, ...], Any]],
) -> None:
    text, meant = SAMPLE, tomllib.loads(SAMPLE)
    for path, value in changes:
        text = with_value(text, path, value)
        table = meant
        for part in path[:-1]:
            table = table.setdefault(part, {})
        table[path[-1]] = value
    assert tomllib.loads(text) == meant
    comments = [line for line in SAMPLE.splitlines() if line.startswith("#")]
    after = text.splitlines()
    assert [line for line in comments if line not in after] == []
