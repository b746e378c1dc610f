"""What the documents name exists, and what exists is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from edge_agent.cli import app
from edge_agent.commands.output import Exit

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
IT = (ROOT / "docs/it.md").read_text()


def commands() -> Iterator[tuple[str, set[str]]]:
    """Each command's words and its options."""

    def walk(words: str, command: object) -> Iterator[tuple[str, set[str]]]:
        parts = getattr(command, "commands", None)
        if parts is None:
            shown = [p for p in getattr(command, "params", []) if not getattr(p, "hidden", False)]
            options = {option for p in shown for option in p.opts}
            yield words, {option for option in options if option.startswith("--")}
            return
        for name, part in parts.items():
            yield from walk(f"{words} {name}", part)

    assert isinstance(app, typer.Typer)
    yield from walk("edge-agent", get_command(app))


COMMANDS = dict(commands())


def quoted_commands(text: str) -> Iterator[str]:
    """What a document gives to type: in backticks, or on a line of a code block."""
    for found in re.findall(r"`(edge-agent [a-z][^`]*)`", text):
        yield found
    for block in re.findall(r"```\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if found := re.match(r"(?:\$ )?(edge-agent [a-z].*)", line):
                yield found[1].split("#")[0].strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_table_for_it_staff(command: str) -> None:
    assert f"`{command}`" in IT


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_commands_and_options_that_exist(path: Path) -> None:
    for typed in quoted_commands(path.read_text()):
        known = [c for c in COMMANDS if typed == c or typed.startswith(f"{c} ")]
        assert known, typed
        assert set(re.findall(r"--[a-z-]+", typed)) <= COMMANDS[known[0]] | {"--help"}, typed


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_points_only_to_files_that_exist(path: Path) -> None:
    text = path.read_text()
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:edge_agent|encoders|capture|docs|tests)/[\w./-]+)`", text)
    missing = [name for name in linked if not (path.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_exit_code_is_documented() -> None:
    documented = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", IT)}
    assert documented == {int(code) for code in Exit}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_glossarys_words_have_no_synonyms(path: Path) -> None:
    """ "clip", "chunk" and "session" would each be a second word for something that has one."""
    assert not re.findall(r"(?i)\b(clips?|chunks?|sessions?|footage)\b", path.read_text())
