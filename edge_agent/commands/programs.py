"""Other programs of this PC, asked by the commands: what they answer, or why they do not."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import NamedTuple


class Answer(NamedTuple):
    output: str = ""
    #: Why there is none, in words; empty when the program ended well.
    fault: str = ""


def answer(command: Sequence[str], within_s: float) -> Answer:
    """Run a program that asks nothing; it is killed after `within_s`. Raises nothing of its own."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        return Answer(fault=f"there is no {command[0]} on this PC")
    except PermissionError:
        return Answer(fault=f"this user may not run {command[0]}")
    except subprocess.TimeoutExpired:
        return Answer(fault=f"{command[0]} took more than {within_s:g} s")
    if done.returncode == 0:
        return Answer(done.stdout)
    said = (done.stderr or done.stdout).strip().splitlines()
    return Answer(fault=said[-1] if said else f"{command[0]} ended with status {done.returncode}")
