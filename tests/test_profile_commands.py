"""Laws of `edge-agent profile …`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.commands.output import Exit
from edge_agent.commands.profiles import app
from tests.published import answer_of

MINE = 'kind = "camera"\ntitle = "Room 12"\nserials = ["A1"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(MINE)
    return tmp_path


def run(*arguments: str, folder: Path) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, [*arguments, "--folder", str(folder), "--json"])
    return done.exit_code, answer_of(done.stdout)


def said(*arguments: str, folder: Path) -> str:
    return CliRunner().invoke(app, [*arguments, "--folder", str(folder)]).output


def test_ours_and_the_rooms_are_listed(folder: Path) -> None:
    code, told = run("list", folder=folder)
    whose = {entry["name"]: entry["own"] for entry in told["data"]}
    assert (code, whose["mine"], whose["logitech_c920"]) == (0, True, False)
    text = said("list", folder=folder)
    assert "the room" in text
    assert "Logitech C920" in text


def test_a_profile_is_shown_with_reasons_and_sources(folder: Path) -> None:
    text = said("show", "logitech_c920", folder=folder)
    for part in ("046d:082d", "exposure_dynamic_framerate = 0: In dim light", "usb.ids"):
        assert part in text
    code, told = run("show", "mine", folder=folder)
    assert (code, told["data"]["serials"]) == (0, ["A1"])


def test_a_profile_that_is_not_there_is_told_with_the_next_step(folder: Path) -> None:
    code, told = run("show", "nobody", folder=folder)
    assert code == Exit.NOT_FOUND
    assert "profile list" in told["error"]["hint"]


def test_a_check_tells_every_mistake(folder: Path) -> None:
    assert run("check", folder=folder)[0] == Exit.OK
    (folder / "a.toml").write_text(MINE + "sizes = 3")
    (folder / "b.toml").write_text(MINE + '[controls.shutter]\nvalue = 1\nwhy = "x"')
    code, told = run("check", folder=folder)
    assert code == Exit.FINDINGS
    assert told["data"]["checked"] == ["b", "mine"]
    assert [mistake.split(";")[0] for mistake in told["data"]["mistakes"]] == [
        "a.toml: unknown key sizes",
        "b.toml: controls.shutter cannot be set",
    ]
    warned = run("list", folder=folder)[1]["warnings"]
    assert "a.toml" in warned[0]


def test_one_file_is_checked_before_it_is_put_there(folder: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    draft.write_text(MINE)
    assert run("check", str(draft), folder=folder)[1]["data"]["checked"] == ["draft"]
    draft.write_text("kind = ")
    assert run("check", str(draft), folder=folder)[0] == Exit.FINDINGS
    assert run("check", str(tmp_path / "none"), folder=folder)[0] == Exit.FINDINGS


def test_a_room_without_profiles_of_its_own_is_told_so(tmp_path: Path) -> None:
    assert "no profile of the room" in said("check", folder=tmp_path / "none")
