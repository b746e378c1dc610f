"""A change of the configuration that goes wrong: disks that fail, two at once, any nonsense."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import config_change, config_history
from edge_agent.config import ConfigError, validated
from edge_agent.config_change import ConfigDesk, TakenBack
from edge_agent.places import Written
from tests.config_desk import KEYS, SAMPLE, Desk
from tests.config_desk import desk as desk
from tests.fixed_clock import FixedClock


def plain(desk: Desk, check: Callable[[Written], object]) -> ConfigDesk:
    return ConfigDesk(desk.file, {}, FixedClock(), check)


def test_what_cannot_be_loaded_from_the_disk_is_taken_back(desk: Desk) -> None:
    def refuse(_: Written) -> None:
        raise ConfigError(["config.toml: this is not what was written"])

    place = plain(desk, refuse)
    plan = place.plan({desk.file: b'[room]\nname = "Aula"\n'})
    with pytest.raises(TakenBack, match="not what was written"):
        place.write(plan)
    assert desk.file.read_text() == desk.first


def test_a_file_that_was_not_there_is_gone_again_when_its_change_is_taken_back(
    tmp_path: Path,
) -> None:
    def refuse(_: Written) -> None:
        raise ConfigError(["no"])

    place = ConfigDesk(tmp_path / "conf/config.toml", {}, FixedClock(), refuse)
    with pytest.raises(TakenBack):
        place.write(place.plan({place.main: b'[room]\nname = "Aula"\n'}))
    assert not place.main.exists()


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_disk_that_fails_at_any_write_leaves_the_former_files(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Two files change: their copies are kept first, then one is replaced after the other."""
    extra = desk.file.parent / "conf.d/10.toml"
    extra.parent.mkdir()
    extra.write_text("")
    real, calls = config_change.write_durably, [0]

    def fail(path: Path, data: bytes, **more: Any) -> None:
        calls[0] += 1
        if calls[0] == failing:
            path.with_name(path.name + ".part").write_bytes(data[:3])
            raise OSError(28, "No space left on device", str(path))
        real(path, data, **more)

    monkeypatch.setattr(config_change, "write_durably", fail)
    monkeypatch.setattr(config_history, "write_durably", fail)
    place = plain(desk, lambda _: None)
    plan = place.plan({desk.file: b'[room]\nname = "A"\n', extra: b'[room]\nname = "B"\n'})
    with pytest.raises(OSError, match="No space"):
        place.write(plan)
    assert (desk.file.read_text(), extra.read_text()) == (desk.first, "")
    assert list(desk.file.parent.glob("*.part")) == list(extra.parent.glob("*.part")) == []
    assert all(version.data() in (b"", desk.first.encode()) for version in place.history.versions())


def test_two_changes_at_once_are_one_after_the_other(desk: Desk) -> None:
    with plain(desk, lambda _: None).alone():
        code, answer = desk("set", "room.name", "Aula")
    assert (code, answer["error"]["code"], answer["error"]["retryable"]) == (
        5,
        "being-changed",
        True,
    )
    assert desk.file.read_text() == desk.first


@pytest.mark.parametrize(
    "text",
    ["", "[room", "[[tracks]]\n", "tracks = 1\n", "[tracks]\ncam = 1\n", "\x00", "storage=1"],
)
def test_no_command_ends_in_a_traceback_whatever_the_file_says(desk: Desk, text: str) -> None:
    desk.file.write_text(text)
    for words in (
        ["get", "room.name"],
        ["set", "room.name", "x", "--dry-run"],
        ["unset", "room.name", "--dry-run"],
        ["diff"],
        ["history"],
        ["rollback"],
    ):
        code, answer = desk(*words)
        assert code in (0, 1, 3, 4, 6), (words, answer)


_ANY = st.recursive(
    st.one_of(st.text(max_size=9), st.integers(), st.floats(), st.booleans(), st.datetimes()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_PLACES = st.sampled_from(
    [
        *((table, key) for table, key in KEYS),
        *((table,) for table in tomllib.loads(SAMPLE)),
        *(
            (table, name, key)
            for table in ("tracks", "destinations")
            for name, keys in tomllib.loads(SAMPLE)[table].items()
            for key in (*keys, "nonsense")
        ),
    ]
)


@given(st.lists(st.tuples(_PLACES, _ANY), min_size=1, max_size=3))
def test_whatever_a_file_says_it_is_valid_or_every_fault_is_a_sentence(
    changes: list[tuple[tuple[str, ...], Any]],
) -> None:
    values = tomllib.loads(SAMPLE)
    for path, value in changes:
        table: Any = values
        for part in path[:-1]:
            table = table[part] if isinstance(table, dict) and part in table else {}
        if isinstance(table, dict):
            table[path[-1]] = value
    values.setdefault("storage", {"spool": "/s", "runtime": "/r"})
    try:
        validated(Written(Path("/etc/config.toml"), values))
    except ConfigError as error:
        for problem in error.problems:
            assert problem.startswith("/etc/config.toml: ")
            assert problem.count(": ") >= 2
