"""Checks of what runs: the agent, the panel, and systemd's units."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from edge_agent.commands.finding import START, Ask, Finding, Ground, Mend, State
from edge_agent.locks import is_held

#: Without these two nothing is recorded, or nothing is sent.
NEEDED = ("edge-agent.service", "edge-agent-upload.service")
UNITS = (*NEEDED, "edge-agent-panel.service", "edge-agent-schedule.service")
_SLEEP = ("sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target")


def agent(ground: Ground) -> Iterator[Finding]:
    """Is the agent running, and the upload?"""
    if ground.status is None:
        yield Finding("the agent is not running: nothing is recorded", State.WRONG, START)
    else:
        yield Finding(f"running, version {ground.status['version']}")
    if ground.config.destinations and not is_held(ground.room.runtime.upload_lock):
        fix = "sudo systemctl start edge-agent-upload (or: edge-agent upload run)"
        yield Finding("the upload is not running: nothing is sent", State.WRONG, fix)


def panel(ground: Ground) -> Iterator[Finding]:
    """Does the control panel run, and who may come in?"""
    settings = ground.config.panel
    if is_held(ground.room.runtime.panel_lock):
        yield Finding(f"running, at {settings.listen} port {settings.port}")
    else:
        fix = "sudo systemctl start edge-agent-panel (or: edge-agent panel run)"
        yield Finding("the panel is not running: lecturers have no button", State.NOTE, fix)
    if settings.pin is None and not ipaddress.ip_address(settings.listen).is_loopback:
        fix = "edge-agent panel pin, then: edge-agent config set panel.pin panel-pin"
        yield Finding("no PIN: nobody can open its page for IT staff", State.NOTE, fix)


def timetable(ground: Ground) -> Iterator[Finding]:
    """Do the calendars of the room answer? Without any, lectures begin by hand."""
    from edge_agent.schedule_store import BadStore, ScheduleStore

    store, asked = ScheduleStore(ground.room.spool.schedule), ground.config.calendars
    names = sorted({*asked, *store.names()})
    if not names:
        yield Finding("no calendar (optional): lectures begin by hand")
    if asked and not is_held(ground.room.runtime.schedule_lock):
        fix = "sudo systemctl start edge-agent-schedule (or: edge-agent schedule run)"
        yield Finding("nobody asks the calendars for changes", State.NOTE, fix)
    for name in names:
        again = f"edge-agent schedule sync {name}"
        try:
            calendar = store.calendar(name)
        except BadStore as error:
            yield Finding(str(error), State.WRONG, again)
            continue
        if calendar is None:
            yield Finding(f"{name} has not been read yet", State.NOTE, again)
        elif calendar.trouble:
            what = f"{name}: {calendar.trouble}; what was booked before holds"
            yield Finding(what, State.NOTE, again)
        else:
            yield Finding(f"{name}: {len(calendar.bookings)} bookings")


def mqtt(ground: Ground) -> Iterator[Finding]:
    """Is the room at its MQTT broker? Without one nobody commands it from afar."""
    from edge_agent.reach import trouble

    settings = ground.config.mqtt
    if settings.url is None:
        yield Finding("no broker (optional)")
        return
    if not is_held(ground.room.runtime.mqtt_lock):
        fix = "sudo systemctl enable --now edge-agent-mqtt (or: edge-agent mqtt run)"
        yield Finding("the MQTT process is not running", State.NOTE, fix)
    # A broker that wants a certificate of ours ends a handshake without one.
    plain = f"mqtt://{settings.host}:{settings.port}"
    why = trouble(plain if settings.certificate else settings.url, settings.ca_file)
    if why:
        fix = "mend the network, or mqtt.url: edge-agent config get mqtt"
        yield Finding(f"broker: {why}", State.WRONG, fix)
    else:
        yield Finding("its broker answers")


def webhooks(ground: Ground) -> Iterator[Finding]:
    """Do the addresses answer that are told when somebody must be called?"""
    from edge_agent.reach import trouble

    named = ground.config.webhooks
    if not named:
        yield Finding("no webhook (optional): nobody is called")
        return
    if not is_held(ground.room.runtime.alerts_lock):
        fix = "sudo systemctl enable --now edge-agent-alerts (or: edge-agent alerts run)"
        yield Finding("nobody is called: the process of the webhooks does not run", State.NOTE, fix)
    for name, webhook in named.items():
        if why := trouble(webhook.url, webhook.ca_file):
            fix = f"mend the network, or its url: edge-agent config get webhooks.{name}"
            yield Finding(f"{name}: {why}", State.WRONG, fix)
        else:
            yield Finding(f"{name} answers (to see whether it takes: edge-agent alerts test)")


def units(ground: Ground) -> Iterator[Finding]:
    """Does systemd start the services with the PC, and does it let the PC sleep?"""
    shown = shown_units(ground.ask, UNITS)
    if shown is None:
        fix = "have your own supervisor run: edge-agent run, edge-agent upload run"
        yield Finding("systemd is not there to start the agent with the PC", State.NOTE, fix)
        return
    for unit in shown:
        yield _unit(unit)
    asleep = shown_units(ground.ask, _SLEEP) or []
    if any(unit.get("LoadState") == "loaded" for unit in asleep if unit["Id"] in _SLEEP):
        fix = f"sudo systemctl mask {' '.join(_SLEEP)}"
        yield Finding("this PC may fall asleep, and then records nothing", State.NOTE, fix)


def shown_units(ask: Ask, names: tuple[str, ...]) -> list[dict[str, str]] | None:
    """What systemd knows of them; None without it."""
    properties = "--property=Id,LoadState,ActiveState,UnitFileState"
    said = ask(["systemctl", "show", properties, *names])
    if said is None:
        return None
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in said.split("\n\n")
    ]
    return [unit for unit in blocks if unit.get("Id")]


def _unit(unit: Mapping[str, str]) -> Finding:
    name = unit["Id"]
    bad = State.WRONG if name in NEEDED else State.NOTE
    if unit.get("LoadState") != "loaded":
        return Finding(f"{name} is not installed", State.NOTE, "install the package edge-agent")
    if unit.get("ActiveState") == "failed":
        return Finding(f"{name} has failed", bad, f"see why: journalctl -u {name} -e")
    if unit.get("UnitFileState") != "enabled":
        mend = Mend((("systemctl", "enable", "--now", name),))
        return Finding.mendable(f"{name} does not start with the PC", bad, mend)
    if unit.get("ActiveState") == "inactive":
        mend = Mend((("systemctl", "start", name),))
        return Finding.mendable(f"{name} is stopped", bad, mend)
    return Finding(f"{name} is {unit.get('ActiveState', 'there')}")
