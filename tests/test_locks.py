"""Locks that prove life: held by real processes."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.locks import AlreadyRunning, InUse, alone_in, is_held, only_one

HOLD = """
import sys; from pathlib import Path; from edge_agent import locks
with getattr(locks, sys.argv[1])(Path(sys.argv[2]), "agent"):
    print("held", flush=True); sys.stdin.read()
"""


def holding(how: str, place: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, how, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


def test_a_lock_that_nobody_ever_took_is_free(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none/agent.lock")


def test_a_second_process_is_refused_and_a_killed_one_leaves_the_lock_free(tmp_path: Path) -> None:
    lock = tmp_path / "run/agent.lock"
    child = holding("only_one", lock)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert is_held(lock)
        with pytest.raises(AlreadyRunning, match="already running"), only_one(lock, "agent"):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    assert not is_held(lock)
    with only_one(lock, "agent"):
        assert is_held(lock)


def test_a_folder_is_one_processs_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    (tmp_path / "lectures").mkdir()
    with holding("alone_in", tmp_path) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(InUse, match=f"another agent .* uses {tmp_path}"):
            alone_in(tmp_path, "agent").__enter__()
        with alone_in(tmp_path / "lectures", "upload"):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    with alone_in(tmp_path, "agent"):
        assert list(tmp_path.iterdir()) == [tmp_path / "lectures"]  # it makes no file


def test_what_the_file_system_cannot_lock_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.EBADF, "as NFS says of a folder")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone_in(tmp_path, "agent"):
        pass
