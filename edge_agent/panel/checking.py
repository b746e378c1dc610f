"""The doctor for the IT page: a child with a deadline, because it asks what may not answer.

Only checks that see from here what the agent sees: the panel's own process is kept from devices,
from foreign servers and from writing elsewhere, and would blame the room for it.
"""

from __future__ import annotations

import json
import subprocess
import sys

from edge_agent.panel.wire import Checked, Checks

SEEN_FROM_HERE = ("agent", "clock", "zone", "disk", "devices", "encoders", "panel")
DEADLINE_S = 60.0


class NotChecked(Exception):
    """The doctor did not come to its end; says why."""


def command(options: list[str]) -> list[str]:
    """`options`: of the program itself, such as another configuration file."""
    program = [sys.executable, "-m", "edge_agent.cli", *options]
    return [*program, "doctor", *SEEN_FROM_HERE, "--json"]


def checked(asked: list[str]) -> Checks:
    """What it found. Waits for the child; raises NotChecked."""
    try:
        done = subprocess.run(
            asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S, check=False
        )
        found = json.loads(done.stdout)["data"]
        return Checks(
            findings=[
                Checked(check=it["check"], state=it["state"], message=it["message"], fix=it["fix"])
                for it in found
            ]
        )
    except subprocess.TimeoutExpired:
        raise NotChecked(f"the checks did not end within {DEADLINE_S:.0f} s") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotChecked(f"the checks cannot be run: {error}") from error
