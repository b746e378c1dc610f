"""What `edge-agent doctor --fix` does: the commands that a finding names, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from edge_agent.commands.finding import Command, Mend

#: Starting a unit waits until it is ready.
MEND_S = 90.0
Run = Callable[[Command], str]


def mend(wanted: Mend, run: Run, uid: int | None = None) -> str:
    """Carry it out; what was in the way, or nothing. `uid` None: who we are."""
    if wanted.root and (os.geteuid() if uid is None else uid) != 0:
        return "only root may: sudo edge-agent doctor --fix"
    for command in wanted.commands:
        if fault := run(command):
            return fault
    return ""


def perform(command: Command) -> str:
    """Run a command; its complaint, or nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MEND_S,
            check=False,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        return f"there is no {command[0]} on this PC"
    except PermissionError:
        return f"this user may not run {command[0]}"
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {MEND_S:.0f} s"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    return said[-1] if said else f"{command[0]} ended with status {done.returncode}"
