"""Laws of what people are told when a disk refuses, and of how it is told from a refused user."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
import typer

from edge_agent.asking import ask_agent
from edge_agent.ballast import Ballast
from edge_agent.clock import SystemClock
from edge_agent.commands.output import Exit, reporting
from edge_agent.disk_words import fate, words
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.spool import Runtime, Spool
from edge_agent.trouble import Trouble
from tests.faults.disks import breaking_disk


@pytest.mark.parametrize(
    ("number", "told", "next_step"),
    [
        (errno.EROFS, "the disk is read-only", "restart this PC"),
        (errno.EIO, "the disk fails", "replace the disk"),
        (errno.ENOSPC, "No space left on device (/spool/x)", ""),
        (errno.ENOENT, "No such file or directory (/spool/x)", ""),
    ],
)
def test_a_broken_disk_is_told_with_the_next_step(number: int, told: str, next_step: str) -> None:
    error = OSError(number, os.strerror(number), "/spool/x")
    assert told in words(error)
    assert next_step in words(error)
    assert (fate(error) is not None) is bool(next_step)


def test_one_broken_disk_is_one_trouble_however_many_files_it_refuses(tmp_path: Path) -> None:
    trouble = Trouble(Ballast(tmp_path / "ledger.db"))

    def refuse(name: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), name)

    for name in ("camera", "microphone"):
        assert not trouble.attempt(name, lambda n=name: refuse(n), 0)  # type: ignore[misc]
    assert trouble.text.count("read-only") == 1


def test_a_press_on_a_disk_that_the_kernel_has_made_read_only_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite alone says: attempt to write a readonly database, as to a user without rights."""
    with breaking_disk(tmp_path, 16) as disk:
        spool, runtime = Spool(disk.place), Runtime(tmp_path / "run")
        runtime.root.mkdir()
        Ledger.create(spool.ledger).close()
        disk.find_error()

        def press() -> None:
            ask_agent(spool, runtime, SystemClock(), "stop", {}, key="k", origin="test")

        with only_one(runtime.agent_lock, "agent"):
            with pytest.raises(OSError, match="Read-only") as refused:
                press()
            assert refused.value.errno == errno.EROFS
            with pytest.raises(typer.Exit) as end, reporting("record.stop"):
                press()
        assert end.value.exit_code == Exit.FAILED
        assert "restart this PC" in capsys.readouterr().err


def test_a_ledger_that_this_user_may_not_write_is_no_broken_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, runtime = Spool(tmp_path), Runtime(tmp_path)
    Ledger.create(spool.ledger).close()
    read_only = Ledger.read(spool.ledger)
    monkeypatch.setattr(Ledger, "write", lambda _path: read_only)
    with only_one(runtime.agent_lock, "agent"), pytest.raises(sqlite3.OperationalError):
        ask_agent(spool, runtime, SystemClock(), "stop", {}, key="k", origin="test")
