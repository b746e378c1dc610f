"""Changing the configuration: checked as a whole, shown, durable, kept, and taken back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge_agent.config_history import MOST, History
from edge_agent.locks import only_one
from tests.config_desk import Desk
from tests.config_desk import desk as desk
from tests.fixed_clock import FixedClock

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
