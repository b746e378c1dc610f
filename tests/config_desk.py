"""A configuration that is changed by the commands, in a folder of its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.config_history import History
from edge_agent.spool import Runtime
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


KEYS = sorted(
    (table, key)
    for table, keys in tomllib.loads(SAMPLE).items()
    for key, value in keys.items()
    if not isinstance(value, dict)
)
