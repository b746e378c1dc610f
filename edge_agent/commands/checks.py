"""The checks of `edge-agent doctor`, by name: each looks at one thing, and says how to mend it.

A new one is a function from the ground to its findings, with a line in CHECKS. None changes
anything, and each works without a running agent.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edge_agent.commands.checks_devices import devices, encoders, permissions
from edge_agent.commands.checks_machine import clock, disk, drive, firmware, zone
from edge_agent.commands.checks_sending import destinations, reach, secrets
from edge_agent.commands.checks_service import agent, mqtt, panel, timetable, units, webhooks
from edge_agent.commands.finding import Check, Finding, Ground, State
from edge_agent.commands.output import Failure

CHECKS: dict[str, Check] = {
    "agent": agent,
    "clock": clock,
    "zone": zone,
    "disk": disk,
    "drive": drive,
    "permissions": permissions,
    "devices": devices,
    "encoders": encoders,
    "firmware": firmware,
    "destinations": destinations,
    "reach": reach,
    "secrets": secrets,
    "timetable": timetable,
    "mqtt": mqtt,
    "webhooks": webhooks,
    "panel": panel,
    "units": units,
}


def run(check: Check, ground: Ground) -> list[Finding]:
    """The findings of a check; one that cannot look says so, and stops no other."""
    try:
        return list(check(ground))
    except Failure as error:
        return [Finding(f"could not be checked: {error.message}", State.WRONG, error.hint)]
    except sqlite3.Error as error:
        fix = "edge-agent storage check"
        return [Finding(f"could not be checked: the ledger says: {error}", State.WRONG, fix)]
    except OSError as error:
        place = f" ({Path(str(error.filename)).name})" if error.filename else ""
        what = f"could not be checked: {error.strerror or error}{place}"
        return [Finding(what, State.WRONG, "run it as the service does: sudo -u edge-agent")]
