"""A rollback to what is not valid any more: refused, with the reason and a way on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.commands.output import Exit
from edge_agent.config_history import History

ROOT = Path(__file__).parents[1]
DESK = ["tracks.desk.kind", "screen", "tracks.desk.fps", "5"]


class Hall:
    """A room whose configuration was changed three times, by the real program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "config.toml"
        places = f'[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
        self.file.write_text(f'# As it came.\n[room]\nname = "Hall"\n{places}')
        for words in (["room.name", "Aula"], DESK, ["upload.mode", "full"]):
            assert self("set", *words).returncode == 0

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge_agent.cli", "--config", self.file, "config", *words],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def all(self) -> dict[Path, bytes]:
        return {each: each.read_bytes() for each in self.folder.rglob("*") if each.is_file()}

    def written_by_another_agent(self) -> None:
        """A key that it knew and this one does not."""
        for version in History(self.file).versions()[:2]:
            version.kept.write_bytes(version.data() + b"[lights_of_old]\ncolour = 1\n")

    def with_a_file_beside_it_that_counts_on_the_change(self) -> None:
        """Somebody has put it there by hand since."""
        (self.folder / "conf.d").mkdir()
        (self.folder / "conf.d/20-desk.toml").write_text("[tracks.desk]\ncrf = 20\n")


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (Hall.written_by_another_agent, "lights_of_old: there is no such key"),
        (
            Hall.with_a_file_beside_it_that_counts_on_the_change,
            "tracks.desk.kind: this key is needed",
        ),
    ],
)
def test_it_is_refused_with_the_reason_and_the_next_step_and_changes_nothing(
    hall: Hall, happened, reason: str
) -> None:
    happened(hall)
    before, kept = hall.all(), History(hall.file).versions()[1].kept
    said = hall("rollback", "2")
    assert (said.returncode, said.stdout) == (Exit.CONFIG, "")
    assert "change 2 cannot be taken back" in said.stderr
    assert "nothing was changed" in said.stderr
    assert reason in said.stderr
    next_step = said.stderr.partition("next:  ")[2]
    assert "edge-agent config history" in next_step
    assert f"a copy of {kept}, then: edge-agent config apply COPY" in next_step
    answer = json.loads(hall("rollback", "2", "--json").stdout)
    assert (answer["ok"], answer["error"]["code"]) == (False, "not-valid-any-more")
    assert hall("rollback", "2", "--dry-run").returncode == Exit.CONFIG
    assert {file: data for file, data in hall.all().items() if file.name != "lock"} == {
        file: data for file, data in before.items() if file.name != "lock"
    }


def test_the_ways_on_that_it_names_lead_on(hall: Hall) -> None:
    hall.written_by_another_agent()
    assert hall("rollback", "2").returncode == Exit.CONFIG
    assert hall("rollback").returncode == 0  # the last change alone
    copy = hall.folder / "copy.toml"
    kept = History(hall.file).versions()[1].data().decode()
    copy.write_text(kept.replace("[lights_of_old]\ncolour = 1\n", ""))
    assert hall("apply", str(copy)).returncode == 0
    assert hall.file.read_text() == copy.read_text()
    assert "desk" not in hall("show").stdout
