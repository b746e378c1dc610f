"""What is plugged in, for each place of a room, as the child that looks has found it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from capture.discover import Device
from device_profiles.own import load_known
from edge_agent.commands.looking import list_devices
from edge_agent.commands.output import Failure, Report
from edge_agent.config_devices import known_as
from edge_agent.discovery import Candidates, candidates

if TYPE_CHECKING:
    from edge_agent.config import Config


def listed(report: Report) -> list[dict[str, Any]]:
    """A driver that hangs costs the devices, not the rest."""
    try:
        return list_devices()
    except Failure as failure:
        report.warn(f"{failure.message}; next: {failure.hint}")
        return []


def candidates_of(rows: Iterable[dict[str, Any]], config: Config) -> Candidates:
    """Without those that are never to be used."""
    by_name = {profile.name: profile for profile in load_known().profiles}
    told = [
        (row, known_as(config.devices, row["identity"], row["where"], row["also"])) for row in rows
    ]
    return candidates(
        (_device(row, said.name), by_name.get(row["profile"]))
        for row, said in told
        if not said.ignore
    )


def modes_of(rows: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """What each camera can deliver, by what stands as `device` in the configuration."""
    return {row["identity"]: row["modes"] for row in rows if row["modes"]}


def _device(row: dict[str, Any], given: str) -> Device:
    """By the name that people have given it, if they have."""
    name = given or row["name"]
    return Device(
        row["kind"],
        row["id"],
        name,
        row["where"],
        row["identity"],
        usb=row["usb"],
        also=tuple(row["also"]),
    )
