"""The Tab key offers what is in this room, and a fault offers nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.checks import CHECKS
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from tests.fixed_clock import FixedClock

SECRET = "tOk3n-of-the-campus"


class Hall:
    def __init__(self, folder: Path) -> None:
        self.file, self.spool = folder / "config.toml", folder / "spool"
        self.file.write_text(
            f'[storage]\nspool = "{self.spool}"\nruntime = "{folder}/run"\n'
            '[tracks.camera]\nkind = "screen"\n'
            '[destinations.campus]\ntype = "tus"\nurl = "https://campus.test/files"\n'
            'credential = "campus-token"\n'
        )
        (folder / "credentials").mkdir(mode=0o700)
        (folder / "credentials/left").write_text(SECRET)
        self.spool.mkdir()
        now, ledger = FixedClock().now(), Ledger.create(self.spool / "ledger.db")
        for name in ("0193-aaaa", "0194-bbbb"):
            lecture = Lecture(
                name, State.FAILED, now.utc_text, now.trust, now.boot, now.mono_ns,
                title="Heat\x1b[31m",
            )  # fmt: skip
            ledger.add_lecture(lecture, [])
        ledger.close()

    def offers(self, typed: str, shell: str = "bash") -> str:
        """What the shell is given; the last word of `typed` is the one that is being completed."""
        words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
        done = CliRunner().invoke(
            app,
            [],
            prog_name="edge-agent",
            env={
                "_EDGE_AGENT_COMPLETE": f"complete_{shell}",
                "EDGE_AGENT_CONFIG": str(self.file),
                "_TYPER_COMPLETE_ARGS": typed,
                **words,
            },
        )
        assert done.stderr == ""
        return done.stdout


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("edge-agent lectures show ", {"last", "0193-aaaa", "0194-bbbb"}),
        ("edge-agent lectures verify 0193", {"0193-aaaa"}),
        ("edge-agent lectures edit 0194", {"0194-bbbb"}),
        ("edge-agent upload now l", {"last"}),
        ("edge-agent logs --lecture 0194", {"0194-bbbb"}),
        ("edge-agent devices test ", {"camera"}),
        ("edge-agent upload test ", {"campus"}),
        ("edge-agent secret set ", {"campus-token", "left"}),
        ("edge-agent doctor ", set(CHECKS)),
        ("edge-agent profile apply s", {"seminar", "sound"}),
        ("edge-agent setup --profile h", {"hall"}),
        ("edge-agent config get room.", {"room.name", "room.institution"}),
        ("edge-agent config set tracks.camera.c", {f"tracks.camera.{k}" for k in
                                                   ("codec", "crf", "channels")}),
        ("edge-agent config rollback ", set()),
    ],
)  # fmt: skip
def test_what_is_there_is_offered(hall: Hall, typed: str, offered: set[str]) -> None:
    assert set(hall.offers(typed).split()) == offered


def test_a_kept_change_is_offered(hall: Hall) -> None:
    CliRunner().invoke(app, ["--config", str(hall.file), "config", "set", "room.name", "Aula"])
    assert hall.offers("edge-agent config rollback ").split() == ["1"]


def test_the_script_for_all_users_of_a_pc_is_printed(hall: Hall) -> None:
    done = CliRunner().invoke(
        app, [], prog_name="edge-agent", env={"_EDGE_AGENT_COMPLETE": "source_bash"}
    )
    assert "complete_bash" in done.stdout
    assert done.stdout.rstrip().endswith("edge-agent")


def test_a_file_that_is_named_in_the_line_counts(hall: Hall, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[destinations.courier]\ntype = "folder"\npath = "/media"\n')
    assert hall.offers(f"edge-agent --config {other} upload test ").split() == ["courier"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_secret_and_no_command_to_the_terminal_is_offered(hall: Hall, shell: str) -> None:
    for typed in ("edge-agent secret set ", "edge-agent lectures show "):
        told = hall.offers(typed, shell)
        assert SECRET not in told
        assert "\x1b" not in told


@pytest.mark.parametrize(
    "text", ["[room", "tracks = 1\ndestinations = [1]\n", "storage = 1\n", "[rom]\n", "\udcff"]
)
def test_a_fault_offers_nothing_and_says_nothing(hall: Hall, text: str) -> None:
    hall.file.write_bytes(text.encode(errors="surrogateescape"))
    for typed in ("devices test ", "upload test ", "secret set ", "config get "):
        assert hall.offers(f"edge-agent {typed}").strip() == ""
    hall.file.unlink()
    assert hall.offers("edge-agent lectures show ").strip() == ""
