"""Locks that prove life: held by real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.locks import AlreadyRunning, is_held, only_one

HOLD = """
import sys; from pathlib import Path; from edge_agent.locks import only_one
with only_one(Path(sys.argv[1]), "agent"):
    print("held", flush=True); sys.stdin.read()
"""


def test_a_lock_that_nobody_ever_took_is_free(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none/agent.lock")


def test_a_second_process_is_refused_and_a_killed_one_leaves_the_lock_free(tmp_path: Path) -> None:
    lock = tmp_path / "run/agent.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
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
