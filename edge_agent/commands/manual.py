"""`edge-agent man`: the manual page, made from the commands themselves, so that it stays true."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from edge_agent import __version__
from edge_agent.commands.output import Exit, reporting

_ABOUT = """Records lectures with every camera, microphone and screen of a room, packages them and
delivers them. It works while the network is away, and loses nothing when the power fails."""
_MEANING = {
    Exit.OK: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage",
    Exit.FINDINGS: "ran well, and found problems or differences",
    Exit.NOT_FOUND: "not found",
    Exit.WRONG_STATE: "wrong state: already recording, nothing to stop, already running",
    Exit.CONFIG: "configuration invalid",
    Exit.NOT_PERMITTED: "not permitted",
    Exit.NOT_REACHABLE: "the agent is not running",
    Exit.DEVICE: "device missing or busy",
    Exit.NO_SPACE: "no space",
    Exit.NETWORK: "platform or network unreachable",
    Exit.TIMEOUT: "timed out",
    Exit.INTERRUPTED: "interrupted",
}
_FILES = {
    "/etc/edge-agent/config.toml, /etc/edge-agent/conf.d/*.toml": "the service's configuration",
    "/etc/edge-agent/config.toml.history": "what it said before the last changes",
    "/etc/edge-agent/credentials": "secrets, one in a file",
    "/var/lib/edge-agent": "lectures and the ledger of the service",
    "~/.config/edge-agent, ~/.local/state/edge-agent": "the same, without a service",
}


def man(context: typer.Context) -> None:
    """Print the manual page: edge-agent man | man -l -"""
    with reporting("man") as report:
        report.say(page(context.find_root().command).rstrip("\n"))


def page(command: Any) -> str:
    """The page in the language of man(7), of a command with all below it."""
    lines = [
        f'.TH EDGE-AGENT 1 "" "edge-agent {_plain(__version__)}"',
        ".SH NAME",
        r"edge-agent \- record, package and deliver lectures",
        ".SH SYNOPSIS",
        r".B edge-agent",
        r"[\fB\-\-config\fR \fIFILE\fR] \fICOMMAND\fR …",
        ".SH DESCRIPTION",
        *_plain(_ABOUT).split("\n"),
        ".SH OPTIONS",
        *_options(command),
        ".SH COMMANDS",
    ]
    for words, each in _commands("", command):
        lines += _command(words, each)
    lines += [".SH EXIT STATUS", "One that is not listed here must be taken for a failure."]
    for code in Exit:
        lines += [".TP", rf"\fB{int(code)}\fR", _plain(_MEANING[code])]
    lines += [".SH FILES"]
    for name, about in _FILES.items():
        lines += [".TP", rf"\fI{_plain(name)}\fR", _plain(about)]
    return "\n".join(lines) + "\n"


def _commands(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, each in command.commands.items():
        if each.hidden:
            continue
        path = f"{words} {name}".strip()
        if getattr(each, "commands", None):
            yield from _commands(path, each)
        else:
            yield path, each


def _command(words: str, command: Any) -> list[str]:
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [rf"\fI{_plain(_metavar(each))}\fR" for each in shown if not _is_option(each)]
    head = " ".join([rf"\fB{_plain(f'edge-agent {words}')}\fR", *arguments])
    about = " ".join(inspect.cleandoc(command.help or "").split())
    told = [f"{each.help}" for each in shown if not _is_option(each) and each.help]
    lines = [".SS " + head, _plain(about)]
    for text in told:
        lines += [".br", _plain(text)]
    return lines + _options(command)


def _options(command: Any) -> list[str]:
    lines = []
    for each in command.params:
        if not _is_option(each) or each.hidden or "--help" in each.opts:
            continue
        names = ", ".join(rf"\fB{_plain(name)}\fR" for name in each.opts)
        value = "" if each.is_flag else rf" \fI{_plain(_metavar(each))}\fR"
        lines += [".TP", names + value, _plain(" ".join((each.help or "").split()) or "–")]
    return lines


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).replace("_", "-").upper()


def _plain(text: str) -> str:
    """Text of ours, none of which is a request of roff."""
    escaped = text.replace("\\", r"\(rs").replace("-", r"\-")
    return "\n".join(
        rf"\&{line}" if line[:1] in (".", "'") else line for line in escaped.split("\n")
    )
