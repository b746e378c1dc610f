"""What `edge-agent doctor --fix` does: the commands that a finding names, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable

from edge_agent.commands.finding import Command, Mend
from edge_agent.commands.programs import answer

#: A hang guard: starting a unit waits until it is ready, and above the units' own TimeoutStartSec
#: of 300 s systemd says itself which of them did not start. (Four take 100 s on a very slow PC.)
MEND_S = 400.0
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
    return answer(command, MEND_S).fault
