"""When this room sends: the policy of its configuration, and what tells how things stand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.config import Config, FolderDestination, StickDestination
from edge_agent.destinations import whole
from edge_agent.ledger import Ledger
from edge_agent.locks import is_held
from edge_agent.metered import Metered
from edge_agent.power import on_battery
from edge_agent.spool import Runtime
from edge_agent.upload_arrivals import Arrivals
from edge_agent.upload_gate import Gate, Senses
from edge_agent.upload_traffic import Meter
from edge_agent.upload_watch import Transit, UploadWatch
from uploader.policy import Policy
from uploader.timetable import Timetable, lateness

#: See machine-id(5). Rooms whose names nobody has set are still not all the same.
MACHINE_ID = Path("/etc/machine-id")


def policy(config: Config, machine: str) -> Policy:
    """What the configuration says; `machine` tells this computer from others."""
    upload = config.upload
    room = f"{config.room.institution}/{config.room.name}/{machine}"
    late = lateness(room, timedelta(minutes=upload.spread_minutes), upload.limits)
    return Policy(
        Timetable(upload.limits, late),
        upload.day_bytes,
        upload.month_bytes,
        upload.metered,
        upload.recording,
        upload.battery,
    )


def machine_id(file: Path = MACHINE_ID) -> str:
    """Empty where there is none, as in a container."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def networks(config: Config) -> frozenset[str]:
    """The destinations that are reached over a link."""
    local = FolderDestination | StickDestination
    return frozenset(n for n, it in config.destinations.items() if not isinstance(it, local))


def watched(config: Config, clock: Clock, ledger: Ledger) -> tuple[Gate, UploadWatch]:
    """What the upload process asks, and what it tells."""
    links, runtime = networks(config), Runtime(config.storage.runtime)
    meter = Meter(ledger, clock, links)
    senses = Senses(Metered(), on_battery, lambda: is_held(runtime.agent_lock))
    gate = Gate(policy(config, machine_id()), ledger, clock, senses, meter, links, whole(config))
    transit = Transit(meter, clock)
    arrivals = Arrivals(ledger, clock, gate, transit)
    return gate, UploadWatch(gate, transit, clock, runtime.upload, arrivals)
