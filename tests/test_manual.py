"""The manual page has every command, option and exit code, and is sound roff."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.manual import page
from edge_agent.commands.output import Exit
from tests.test_docs import COMMANDS

REQUESTS = {".TH", ".SH", ".SS", ".B", ".TP", ".br"}


@pytest.fixture(scope="module")
def text() -> str:
    return page(get_command(app))


def read(text: str) -> str:
    """As a reader sees it."""
    plain = re.sub(r"\\f[BIR]", "", text)
    return plain.replace(r"\-", "-").replace(r"\&", "").replace(r"\(rs", "\\")


def section(text: str, command: str) -> str:
    """What the page says of one command."""
    [found] = re.findall(
        rf"(?ms)^\.SS {re.escape(command)}(?: [A-Z\[].*?)?$(.*?)(?=^\.S[SH]|\Z)", read(text)
    )
    return str(found)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_it_with_its_options_and_what_it_does(text: str, command: str) -> None:
    said = section(text, command)
    lines = [line for line in said.strip().splitlines() if not line.startswith(".")]
    assert lines
    for option in COMMANDS[command] - {"--help"}:
        assert re.search(rf"(?m)^(?:-\w, )?.*{option}\b", said), option


def test_every_exit_code_is_in_it(text: str) -> None:
    for code in Exit:
        assert re.search(rf"(?m)^\.TP\n\\fB{int(code)}\\fR\n\w", text)


def test_nothing_but_requests_that_are_meant_begins_a_line(text: str) -> None:
    begun = {line.split(" ")[0] for line in text.splitlines() if line[:1] in (".", "'")}
    assert begun <= REQUESTS


def test_every_minus_can_be_copied_into_a_terminal(text: str) -> None:
    """A bare one is a hyphen to roff."""
    assert not [line for line in text.splitlines() if re.search(r"(?<!\\)--", line)]


def test_words_that_look_like_requests_are_none() -> None:
    class Odd:
        name, help, hidden = "odd", ".SH bad\n'quote \\fBnot bold", False
        params: tuple[Any, ...] = ()

    class Root:
        params: tuple[Any, ...] = ()
        commands: ClassVar[dict[str, Odd]] = {"odd": Odd()}

    made = page(Root())
    assert r"\&.SH bad 'quote \(rsfBnot bold" in made


def test_it_is_printed() -> None:
    done = CliRunner().invoke(app, ["man"])
    assert done.exit_code == 0
    assert done.stdout.startswith(".TH EDGE-AGENT 1")
