"""What processes that make small versions have in common: they stand back, and never stay alone."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress


def stand_back() -> None:
    """Below everything else: only idle processor time, and by that only idle disk time too."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with suppress(OSError):  # where it is not allowed, the niceness remains
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.environ["SVT_LOG"] = "1"  # errors only


def end_with_stdin() -> None:
    """From now on: when nobody is there any more who could kill this process, it ends."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)
