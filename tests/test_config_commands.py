"""Changing the configuration: checked as a whole, shown, durable, kept, and taken back."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent import config_change, config_history
from edge_agent.cli import app
from edge_agent.config import ConfigError, validated
from edge_agent.config_change import ConfigDesk, TakenBack
from edge_agent.config_edit import (
    CannotEdit,
    key_path,
    key_text,
    value_of,
    with_value,
    without,
)
from edge_agent.config_history import MOST, History
from edge_agent.locks import only_one
from edge_agent.places import Written
from edge_agent.spool import Runtime
from tests.fixed_clock import FixedClock
from tests.published import answer_of

SAMPLE = (Path(__file__).parents[1] / "docs/config.sample.toml").read_text()
TEXT = """# Of the hall on the first floor.
[room]
name = "Hall"  # as on the door

[recording]
max_hours = 4.0

# How lectures leave.
[upload]
mode = "polite"
"""


class Desk:
    """A configuration in a folder of its own, and the commands that change it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.toml"
        self.runtime = Runtime(folder / "run")
        places = f'\n[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
        self.first = TEXT + places + "least_free_mib = 0\n"
        self.file.write_text(self.first)

    def __call__(self, *words: str, stdin: str = "") -> tuple[int, Any]:
        """Exit code and document."""
        done = CliRunner().invoke(
            app, ["--config", str(self.file), "config", *words, "--json"], input=stdin
        )
        return done.exit_code, answer_of(done.stdout)

    def said(self, *words: str) -> str:
        done = CliRunner().invoke(app, ["--config", str(self.file), "config", *words])
        return done.stdout + done.stderr

    def value(self, key: str) -> Any:
        code, answer = self("get", key)
        assert code == 0
        return answer["data"]["value"]

    def kept(self) -> list[str]:
        return [version.data().decode() for version in History(self.file).versions()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# ---------------------------------------------------------------- the text of a file


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


_KEYS = sorted(
    (table, key)
    for table, keys in tomllib.loads(SAMPLE).items()
    for key, value in keys.items()
    if not isinstance(value, dict)
)
_NAMES = st.sampled_from([("tracks", "camera", "options", "a.b"), ("new", "t"), ("x",), *_KEYS])
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


# ---------------------------------------------------------------- looking


def test_a_value_is_told_with_the_file_that_sets_it_or_as_a_default(desk: Desk) -> None:
    code, answer = desk("get", "room.name")
    assert (code, answer["data"]) == (
        0,
        {"key": "room.name", "value": "Hall", "file": str(desk.file)},
    )
    assert desk("get", "recording.undo_seconds")[1]["data"]["file"] is None
    assert desk.said("get", "room.name") == "Hall\n"
    assert desk.said("get", "recording.max_hours") == "4.0\n"
    assert 'name = "Hall"' in desk.said("get", "room")


@pytest.mark.parametrize(
    ("words", "code", "reason", "hint"),
    [
        (["get", "room.nmae"], 4, "no-such-key", "keys of room: name, institution"),
        (["get", "a b"], 2, "bad-key", "edge-agent config show"),
        (["set", "room.name"], 2, "no-value", "in quotes"),
        (["unset", "room.institution"], 4, "not-set", "config get"),
        (["diff"], 4, "no-history", "config show"),
        (["rollback"], 4, "no-history", "config show"),
        (["apply", "/no/such.toml"], 4, "no-such-file", "TOML file"),
        (["apply", "/"], 4, "no-such-file", "TOML file"),
        (["set", "room.name.x", "1"], 1, "cannot-edit", "config apply COPY"),
        (["set", "recording.max_hours", "99"], 6, "config-invalid", "config validate"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_next_step_and_changes_nothing(
    desk: Desk, words: list[str], code: int, reason: str, hint: str
) -> None:
    got, answer = desk(*words)
    assert (got, answer["error"]["code"]) == (code, reason)
    assert hint in answer["error"]["hint"]
    assert desk.file.read_text() == desk.first
    assert desk.kept() == []


# ---------------------------------------------------------------- changing


def test_a_change_is_shown_written_and_kept_and_says_when_it_counts(desk: Desk) -> None:
    code, answer = desk("set", "recording.max_hours", "3")
    assert code == 0
    assert answer["data"] == {
        "changes": [{"key": "recording.max_hours", "before": 4.0, "after": 3}],
        "written": True,
        "number": 1,
    }
    assert desk.file.read_text() == desk.first.replace("4.0", "3")
    assert desk.kept() == [desk.first]
    told = desk.said("set", "room.name", "Aula")
    assert 'room.name  "Hall" → "Aula"' in told
    assert "next start" in told


def test_with_a_running_agent_the_restart_is_named_and_left_to_people(desk: Desk) -> None:
    desk.runtime.root.mkdir()
    desk.runtime.status.write_text(json.dumps({"lecture": {"id": "x"}}))
    with only_one(desk.runtime.agent_lock, "agent"):
        told = desk.said("set", "room.name", "Aula")
        assert "a lecture is being recorded" in told
        assert "systemctl restart edge-agent edge-agent-upload edge-agent-panel" in told
        told = desk.said("set", "panel.port", "8030")
        assert "systemctl restart edge-agent-panel\n" in told


def test_several_keys_are_set_together_or_not_at_all(desk: Desk) -> None:
    """A track without its device would not be valid for a moment."""
    code, _ = desk("set", "tracks.cam.kind", "v4l2", "tracks.cam.device", "/dev/video0")
    assert code == 0
    assert desk.value("tracks.cam.device") == "/dev/video0"
    code, _ = desk("set", "room.name", "Aula", "room.nmae", "x")
    assert code == 6
    assert desk.value("room.name") == "Hall"


def test_a_track_can_be_set_as_a_table(desk: Desk) -> None:
    assert desk("set", "tracks.desk", '{ kind = "screen", fps = 5 }')[0] == 0
    assert '[tracks.desk]\nkind = "screen"\nfps = 5\n' in desk.file.read_text()


def test_where_a_number_is_refused_the_text_is_taken(desk: Desk) -> None:
    assert desk("set", "room.name", "204", "panel.phone", "012")[0] == 0
    assert (desk.value("room.name"), desk.value("panel.phone")) == ("204", "012")


def test_a_wrong_value_is_told_with_file_key_and_what_is_allowed(desk: Desk) -> None:
    code, answer = desk("set", "upload.mode", "polit")
    assert code == 6
    assert answer["error"]["message"] == (
        f"{desk.file}: upload.mode: 'polit' is not allowed; did you mean 'polite'?"
    )


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    code, answer = desk("set", "room.name", "Aula", "--dry-run")
    assert (code, answer["data"]["written"]) == (0, False)
    assert desk.file.read_text() == desk.first
    assert not History(desk.file).folder.exists()


def test_a_key_that_is_taken_out_has_its_default_again(desk: Desk) -> None:
    assert desk("unset", "recording.max_hours")[0] == 0
    assert desk.value("recording.max_hours") == 8.0


def test_a_key_is_changed_in_the_file_that_counts(desk: Desk) -> None:
    extra = desk.file.parent / "conf.d/10-site.toml"
    extra.parent.mkdir()
    extra.write_text('[room]\nname = "Site"\n')
    assert desk("set", "room.name", "Aula")[0] == 0
    assert extra.read_text() == '[room]\nname = "Aula"\n'
    assert desk.file.read_text() == desk.first
    assert desk("rollback")[0] == 0
    assert desk.value("room.name") == "Site"


def test_what_conf_d_overrides_is_told(desk: Desk) -> None:
    extra = desk.file.parent / "conf.d/10-site.toml"
    extra.parent.mkdir()
    extra.write_text('[room]\nname = "Site"\n')
    _, answer = desk("apply", "-", stdin=desk.first.replace("Hall", "Aula"))
    assert answer["warnings"] == [f"room.name is set by {extra} too, and that one counts"]
    assert desk.value("room.name") == "Site"


def test_a_whole_file_is_compared_applied_and_taken_back(desk: Desk, tmp_path: Path) -> None:
    new = tmp_path / "new.toml"
    new.write_text(desk.first.replace("Hall", "Aula"))
    code, answer = desk("diff", str(new))
    assert (code, answer["ok"]) == (3, False)
    assert answer["data"]["changes"] == [{"key": "room.name", "before": "Hall", "after": "Aula"}]
    assert desk("apply", str(new))[0] == 0
    assert desk("diff", str(new))[0] == 0
    assert desk("diff")[1]["data"]["changes"] == answer["data"]["changes"]
    assert desk("rollback")[0] == 0
    assert desk.file.read_text() == desk.first


@pytest.mark.parametrize("data", [b"[room\n", b"\xff\xfe", b"[rom]\n", b"a" * ((1 << 20) + 1)])
def test_a_file_that_is_not_valid_is_not_applied(desk: Desk, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "new.toml").write_bytes(data)
    code, answer = desk("apply", str(tmp_path / "new.toml"))
    assert code in (2, 6)
    assert answer["error"]["hint"]
    assert desk.file.read_text() == desk.first


def test_a_broken_file_can_be_replaced(desk: Desk) -> None:
    desk.file.write_text("[room\n")
    assert desk("apply", "-", stdin=desk.first)[0] == 0
    assert desk.value("room.name") == "Hall"


def test_new_trouble_with_disk_destinations_and_secrets_is_told_after_a_change(
    desk: Desk, tmp_path: Path
) -> None:
    desk("set", "recording.max_hours", "3")
    place = f'{{ type = "folder", path = "{tmp_path}/gone" }}'
    code, answer = desk("set", "destinations.disk", place)
    assert (code, answer["data"]["written"]) == (3, True)
    assert "is not there" in answer["warnings"][0]
    code, answer = desk("set", "room.name", "Aula")
    assert (code, answer["warnings"]) == (0, [])


# ---------------------------------------------------------------- the history


def test_the_history_says_when_and_what_was_changed(desk: Desk) -> None:
    assert desk("history")[1]["data"] == []
    desk("set", "room.name", "Aula")
    desk("set", "upload.mode", "full", "recording.max_hours", "2")
    _, answer = desk("history")
    assert [(each["number"], each["changed"]) for each in answer["data"]] == [
        (1, ["room.name"]),
        (2, ["recording.max_hours", "upload.mode"]),
    ]
    assert "room.name" in desk.said("history")


def test_a_rollback_takes_back_that_change_and_all_after_it_and_can_be_taken_back(
    desk: Desk,
) -> None:
    for name in ("A", "B", "C"):
        desk("set", "room.name", name)
    assert desk("rollback", "2")[0] == 0
    assert desk.value("room.name") == "A"
    assert desk("rollback")[0] == 0
    assert desk.value("room.name") == "C"
    code, answer = desk("rollback", "9")
    assert (code, answer["error"]["code"]) == (4, "no-such-change")
    assert "kept are: 1, 2, 3, 4, 5" in answer["error"]["message"]


def test_the_history_keeps_the_newest_versions_and_numbers_go_on(tmp_path: Path) -> None:
    file, clock = tmp_path / "config.toml", FixedClock()
    history = History(file)
    for number in range(1, MOST + 5):
        file.write_text(f"# {number}\n")
        assert history.keep(file, clock.now().utc) == number
    kept = history.versions()
    assert [version.number for version in kept] == list(range(5, MOST + 5))
    assert kept[-1].data() == f"# {MOST + 4}\n".encode()


def test_a_change_keeps_owner_mode_and_link_of_the_file(desk: Desk, tmp_path: Path) -> None:
    real = tmp_path / "real/site.toml"
    real.parent.mkdir()
    desk.file.rename(real)
    desk.file.symlink_to(real)
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 12, 34)
    owner = real.stat().st_uid, real.stat().st_gid
    assert desk("set", "room.name", "Aula")[0] == 0
    assert desk.file.is_symlink()
    [version] = History(desk.file).versions()
    for each in (real, version.kept):
        found = each.stat()
        assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, *owner)


# ---------------------------------------------------------------- when it goes wrong


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
        *((table, key) for table, key in _KEYS),
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
