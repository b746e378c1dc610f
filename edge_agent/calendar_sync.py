"""The process that asks calendars for the room's bookings: `edge-agent schedule run`.

It also speaks with the servers that schedule this room as an agent of theirs. It never writes the
ledger; the copies that it brings up to date are read by the supervisor, which begins lectures
whether this process lives or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Protocol

from edge_agent.calendar_copies import CalendarSync, asking
from edge_agent.clock import Clock, Now, SystemClock
from edge_agent.config import Config
from edge_agent.config_schedule import CalendarConfig
from edge_agent.locks import only_one
from edge_agent.schedule_store import ScheduleStore
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from edge_agent.stopping import Stop, told_by_signals
from edge_agent.systemd import notify

TICK_S = 1.0
#: A clock that is not set, and a question that has just been asked, get so much time at least.
WAIT_S = 20.0
#: What went wrong is tried again after this: at a start the network may come later than we do.
AGAIN_S = 120.0


class Agent(Protocol):
    """This room at a server that schedules it."""

    name: str

    def step(self, now: Now) -> str | None:
        """Tell and ask what is due; what is wrong, "" for nothing, None when nothing was due."""
        ...


def lateness_s(room: str, every_s: float) -> float:
    """When in its turn a room asks: ten thousand rooms must not ask in the same second."""
    share = int.from_bytes(hashlib.sha256(room.encode()).digest()[:8]) / (1 << 64)
    return share * every_s


def run(
    config: Config, secrets: Secrets, agents: Collection[Agent] = (), clock: Clock | None = None
) -> int:
    """Ask all calendars in their turn until SIGTERM or SIGINT. Raises AlreadyRunning, OSError."""
    lock = Runtime(config.storage.runtime).schedule_lock
    with told_by_signals() as stop, only_one(lock, "timetable"):
        notify("READY=1")
        _loop(config, secrets, agents, clock or SystemClock(), stop)
        notify("STOPPING=1")
    return 0


def _loop(
    config: Config,
    secrets: Secrets,
    agents: Collection[Agent],
    clock: Clock,
    stop: Stop,
) -> None:
    """At the start all at once: a room that was off wants to know; then each in its own turn."""
    store = ScheduleStore(Spool(config.storage.spool).schedule)
    sync = CalendarSync(store, config.calendars, config.schedule.zone, asking(secrets))
    due = dict.fromkeys(config.calendars, 0.0)
    began, told = clock.mono_ns() / 1e9, dict.fromkeys(config.calendars, "")
    while not stop.is_set():
        notify("WATCHDOG=1")
        for name, each in config.calendars.items():
            now = clock.now()
            if now.mono_ns / 1e9 < due[name] or stop.is_set():
                continue
            notify("WATCHDOG=1")
            trouble = _kept(sync, name, now)
            if trouble != told[name]:
                print(f"calendar {name}: {trouble or 'in order'}", flush=True)
            told[name] = trouble
            now_s = clock.mono_ns() / 1e9
            due[name] = _next(now_s + WAIT_S, began, config, each)
            if trouble:
                late_s = lateness_s(config.room.name, AGAIN_S)
                wait_s = WAIT_S if now.trust == "unset" else AGAIN_S + late_s
                due[name] = min(due[name], now_s + wait_s)
        for agent in agents:
            if not stop.is_set():
                _stepped(agent, clock.now(), told)
        stop.wait(TICK_S)


def _stepped(agent: Agent, now: Now, told: dict[str, str]) -> None:
    """People hear of each trouble once, and of its end."""
    notify("WATCHDOG=1")
    key, trouble = f"agent {agent.name}", agent.step(now)
    if trouble is not None and trouble != told.get(key):
        print(f"{key}: {trouble or 'in order'}", flush=True)
        told[key] = trouble


def _kept(sync: CalendarSync, name: str, now: Now) -> str:
    """What is wrong with a calendar, or with the disk that is to keep it."""
    try:
        return sync.sync(name, now).trouble
    except OSError as error:
        return f"the copy cannot be written: {error.strerror or error}"


def _next(now_s: float, began_s: float, config: Config, calendar: CalendarConfig) -> float:
    """The room's own moment in the next turn."""
    every = calendar.every_minutes * 60
    turns = int((now_s - began_s) // every) + 1
    return began_s + turns * every + lateness_s(config.room.name, every / 2)
