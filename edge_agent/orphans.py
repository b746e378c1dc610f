"""Recorders that have outlived their supervisor: waited for, then killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from edge_agent.spool import Runtime

#: An orphaned recorder closes its file and goes within this time; then it is killed.
ORPHAN_GRACE_S = 5.0


def wait_for_orphans(runtime: Runtime) -> None:
    """Recorders of a supervisor that died close their files and go; wait, then kill."""
    for lock in sorted(runtime.root.glob("recorder-*.lock")):
        if not _released(lock, ORPHAN_GRACE_S):
            pid = lock.read_text().strip()
            print(f"recorder {pid} of an earlier agent did not end and is killed", file=sys.stderr)
            if pid.isdigit():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _released(lock, ORPHAN_GRACE_S)


def _released(lock: Path, wait_s: float) -> bool:
    """Whether nobody holds the lock, waiting for that up to `wait_s`."""
    deadline = time.monotonic() + wait_s
    with lock.open("rb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.05)
            else:
                return True
