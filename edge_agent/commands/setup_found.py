"""What is plugged in, for each place of a room, as the child that looks has found it."""

from __future__ import annotations

from typing import Any

from capture.discover import Device
from device_profiles.own import load_known
from edge_agent.commands.looking import list_devices
from edge_agent.commands.output import Failure, Report
from edge_agent.discovery import Candidates, candidates


def found_devices(report: Report) -> Candidates:
    """A driver that hangs costs the devices, not the rest."""
    try:
        rows = list_devices()
    except Failure as failure:
        report.warn(f"{failure.message}; next: {failure.hint}")
        rows = []
    by_name = {profile.name: profile for profile in load_known().profiles}
    return candidates(
        (_device(row), by_name.get(row["profile"])) for row in rows if not row.get("ignored")
    )


def _device(row: dict[str, Any]) -> Device:
    return Device(
        row["kind"], row["id"], row["name"], row["where"], row["identity"], usb=row["usb"]
    )
