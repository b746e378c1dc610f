"""How every command answers: result on stdout, all else on stderr, one envelope, one exit code.

With --json stdout is exactly one document:
    {"schema": "edge-agent/<noun>.<verb>/1", "ok": …, "data": …, "warnings": […]}
and on failure "error": {"code", "message", "hint", "retryable"}. The exit code is the same with
and without --json.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any, TypeAlias

import typer

from edge_agent.commands.plain import holds_all_letters
from edge_agent.commands.streams import aside, let_go
from edge_agent.disk_words import fate
from edge_agent.locks import AlreadyRunning, InUse
from edge_agent.places import ConfigError

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


UNWRITTEN = "unwritten"


class Exit(IntEnum):
    """Exit codes. One that is not known must be taken for a failure."""

    OK = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3  # ran well and found problems
    NOT_FOUND = 4
    WRONG_STATE = 5
    CONFIG = 6
    NOT_PERMITTED = 7
    NOT_REACHABLE = 8  # the agent is not running
    DEVICE = 9
    NO_SPACE = 10
    NETWORK = 11
    TIMEOUT = 12
    INTERRUPTED = 130


class Failure(Exception):
    """A command that did not do what was asked. `hint` names the next step."""

    def __init__(
        self, exit_code: int, code: str, message: str, hint: str = "", retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.exit, self.code, self.message = int(exit_code), code, message
        self.hint, self.retryable = hint, retryable

    def document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }


class Report:
    """One command's answer while it is being made."""

    def __init__(self, schema: str, as_json: bool) -> None:
        self._schema = schema
        self.as_json = as_json
        self.warnings: list[str] = []
        self.data: Any = None
        self.exit = Exit.OK

    def say(self, *lines: str) -> None:
        """The result, for people."""
        if not self.as_json:
            for line in lines:
                print(line, flush=True)

    def note(self, line: str) -> None:
        """Progress or an aside: for people, and not part of the result."""
        if not self.as_json:
            aside(line)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        self.note(f"note: {text}")

    def close(self, failure: Failure | None) -> int:
        """Print what remains to be said; the exit code."""
        code = failure.exit if failure else int(self.exit)
        try:
            if self.as_json:
                self._print_document(code, failure)
            sys.stdout.flush()
        except BrokenPipeError:
            let_go(sys.stdout)  # the reader (`head`, a closed pager) has seen enough
        except OSError as error:
            let_go(sys.stdout)
            failure = failure or _unwritten(error)
            code = failure.exit
        if failure and (not self.as_json or failure.code == UNWRITTEN):
            aside(f"error: {failure.message}")
            if failure.hint:
                aside(f"next:  {failure.hint}")
        return code

    def _print_document(self, code: int, failure: Failure | None) -> None:
        document = {
            "schema": f"edge-agent/{self._schema}/1",
            "ok": code == 0,
            "data": self.data,
            "warnings": self.warnings,
        }
        if failure:
            document["error"] = failure.document()
        letters = holds_all_letters(sys.stdout.encoding)
        print(json.dumps(document, ensure_ascii=not letters))


@contextmanager
def reporting(schema: str, as_json: bool = False) -> Iterator[Report]:
    """Run a command's body, answer for it, and end the program with the right code."""
    report, failure = Report(schema, as_json), None
    try:
        yield report
    except Failure as error:
        failure = error
    except (KeyboardInterrupt, typer.Abort):  # the latter while something is asked for
        failure = Failure(Exit.INTERRUPTED, "interrupted", "interrupted")
    except BrokenPipeError:
        let_go(sys.stdout)  # nothing more can be told to its reader
    except (ConfigError, AlreadyRunning, sqlite3.Error, OSError) as error:
        failure = _known(error)
    raise typer.Exit(report.close(failure))


def _unwritten(error: OSError) -> Failure:
    """The command is done, and its answer lost."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Failure(
        Exit.NO_SPACE if full else Exit.FAILED,
        UNWRITTEN,
        f"the answer could not be written: {error.strerror}",
        "it was carried out, though; write the answer to another place",
    )


def _known(error: Exception) -> Failure:
    """What a fault that no command expected means to people."""
    match error:
        case ConfigError():
            return Failure(
                Exit.CONFIG,
                "config-invalid",
                "\n       ".join(error.problems),
                "correct it, then: edge-agent config validate",
            )
        case InUse():
            return Failure(
                Exit.WRONG_STATE,
                "in-use",
                str(error),
                "end that one, or give this one a folder of its own: storage.spool",
            )
        case AlreadyRunning():
            return Failure(
                Exit.WRONG_STATE,
                "already-running",
                str(error),
                "look at it with: edge-agent status",
            )
        case PermissionError():
            return _not_permitted(f"{error.filename or 'a file'}: permission denied")
        case sqlite3.OperationalError() if _primary(error) in _PERMISSION_CODES:
            return _not_permitted("this user may not use the ledger that way")
        case sqlite3.Error():
            return Failure(
                Exit.FAILED,
                "ledger",
                f"the ledger cannot be used: {error}",
                "start the agent again: it keeps a damaged ledger aside and builds a new one from "
                "the disk; or, with the agent stopped: edge-agent storage check --repair",
                retryable=True,
            )
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Failure(
                Exit.NO_SPACE,
                "no-space",
                f"{error.filename or 'the disk'}: no space left",
                "free some space, then try again",
                retryable=True,
            )
        case OSError() if (found := fate(error)) is not None:
            return Failure(Exit.FAILED, "disk", found.message, found.hint)
        case OSError() if error.filename:
            code, what = _OF_FILES.get(error.errno or 0, (Exit.FAILED, error.strerror))
            hint = "name another one, or see to this one first"
            return Failure(code, "file", f"{error.filename}: {what}", hint)
        case _:
            return Failure(Exit.FAILED, "failed", str(error), "edge-agent storage check")


_OF_FILES = {
    errno.ENOENT: (Exit.NOT_FOUND, "there is no such file or folder"),
    errno.EISDIR: (Exit.NOT_FOUND, "this is a folder, no file"),
    errno.ENOTDIR: (Exit.NOT_FOUND, "a part of this path is a file, no folder"),
}


#: SQLite's way to say that files may not be written, or not be opened.
_PERMISSION_CODES = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _primary(error: sqlite3.OperationalError) -> int:
    """SQLite's primary result code; the higher bits only refine it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _not_permitted(message: str) -> Failure:
    return Failure(
        Exit.NOT_PERMITTED,
        "not-permitted",
        message,
        "to read, join the group edge-agent; to press buttons: sudo -u edge-agent edge-agent …",
    )
