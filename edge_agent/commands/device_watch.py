"""`edge-agent devices watch`: what comes and goes, as it happens, with the levels of microphones.

On a terminal one screen that is drawn anew; else a line for each thing that happens.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from edge_agent.clock import SystemClock
from edge_agent.commands.device_facts import Entry, plugged_in
from edge_agent.commands.output import AsJson, Failure, Report, reporting
from edge_agent.commands.room import Room, room
from edge_agent.commands.words import level, table

#: Without udev the devices are listed so often; with it, only to be sure.
LOOK_S, SURE_S = 4.0, 60.0
#: A sound server and the second node of a camera come a moment after udev's word.
SETTLE_S = 1.5
#: Levels: on a screen each second, in lines so often.
TICK_S, LINE_S = 1.0, 10.0
#: An older level is none.
FRESH_NS = 2_000_000_000
EVENTS = 10
_CLEAR = "\x1b[H\x1b[2J"


def watch(
    context: typer.Context,
    seconds: Annotated[
        float | None, typer.Option(min=1.0, help="End by itself after so long.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Devices as they come and go, and what microphones hear; until Ctrl-C."""
    with reporting("devices.watch", as_json) as report:
        shown = _Shown(report)
        try:
            for happened in _happenings(room(context), seconds, report):
                shown.tell(happened)
        finally:
            report.data = {"events": shown.told}


class _Shown:
    """Where what happens is told: a screen, lines, or JSON lines before the closing document."""

    def __init__(self, report: Report) -> None:
        self.told = 0
        self._report = report
        self._screen = (
            sys.stdout.isatty() and not report.as_json and os.environ.get("TERM") != "dumb"
        )
        self._last: list[str] = []
        self._there: dict[str, Entry] = {}
        self._levels: dict[str, float] = {}

    def tell(self, it: dict[str, Any]) -> None:
        self.told += it["event"] != "levels"
        if it["event"] == "levels":
            self._levels = it["peaks"]
        elif it["event"] == "went":
            self._there.pop(_key(it["device"]), None)
        else:
            self._there[_key(it["device"])] = it["device"]
        if self._report.as_json:
            print(json.dumps({"schema": "edge-agent/devices.watch.event/1", **it}), flush=True)
        elif self._screen:
            self._draw(it)
        else:
            self._report.say(sentence(it))

    def _draw(self, it: dict[str, Any]) -> None:
        if it["event"] != "levels":
            self._last = [*self._last, sentence(it)][-EVENTS:]
        rows = [
            (d["kind"], d["id"], d["called"] or d["name"], d["where"], self._level(d))
            for d in self._there.values()
        ]
        lines = table(("KIND", "ID", "WHAT", "WHERE", "LEVEL"), rows) if rows else ["no device"]
        self._report.say(f"{_CLEAR}{lines[0]}", *lines[1:], "", *self._last)

    def _level(self, it: Entry) -> str:
        peak = self._levels.get(it["used_by"])
        return level(peak) if peak is not None else it["used_by"]


def sentence(it: dict[str, Any]) -> str:
    """One thing that has happened, with the local time."""
    at = datetime.fromisoformat(it["utc"]).astimezone().strftime("%H:%M:%S")
    if it["event"] == "levels":
        peaks = ", ".join(f"{name} {level(peak)}" for name, peak in it["peaks"].items())
        return f"{at}  levels  {peaks}"
    device = it["device"]
    what = f"{device['called']} ({device['name']})" if device["called"] else device["name"]
    return (
        f"{at}  {it['event']:<6}  {device['kind']:<10}  {what}  {device['id']}  {device['where']}"
    )


def _happenings(here: Room, seconds: float | None, report: Report) -> Iterator[dict[str, Any]]:
    """What is there at first, then what comes and goes, and levels in between."""
    from capture.plugs import UdevPlugs

    plugs, clock = UdevPlugs(), SystemClock()
    why_not = plugs.open()
    if why_not:
        report.warn(f"{why_not}; devices are listed every {LOOK_S:.0f} s")
    end_s = time.monotonic() + seconds if seconds is not None else float("inf")
    known: dict[str, Entry] = {}
    looks, tell_s, first = [0.0], 0.0, True
    try:
        while (now_s := time.monotonic()) < end_s:
            if now_s >= looks[0]:
                found = _listed(here, known, report)
                for event, device in changes(known, found, first):
                    yield {"event": event, "utc": clock.now().utc_text, "device": device}
                known, first = found, False
                later = [look for look in looks if look > now_s]
                looks = later or [time.monotonic() + (LOOK_S if why_not else SURE_S)]
            if now_s >= tell_s:
                tell_s = now_s + (TICK_S if sys.stdout.isatty() else LINE_S)
                if peaks := _peaks(here, clock.mono_ns()):
                    yield {"event": "levels", "utc": clock.now().utc_text, "peaks": peaks}
            _wait(plugs.fileno(), min(TICK_S, max(0.0, looks[0] - time.monotonic())))
            if plugs.news():
                looks = [time.monotonic(), time.monotonic() + SETTLE_S]
    finally:
        plugs.close()


def changes(
    before: dict[str, Entry], now: dict[str, Entry], first: bool
) -> Iterator[tuple[str, Entry]]:
    """What has gone, then what has come; at the first look it was there."""
    for key in before.keys() - now.keys():
        yield "went", before[key]
    for key, device in now.items():
        if key not in before:
            yield "there" if first else "came", device


def _listed(here: Room, known: dict[str, Entry], report: Report) -> dict[str, Entry]:
    """A look that hangs or crashes changes nothing."""
    from edge_agent.commands.looking import list_devices

    try:
        return {_key(each): each for each in plugged_in(here, list_devices())}
    except Failure as error:
        report.warn(f"{error.message}; {error.hint}")
        return known


def _key(it: Entry) -> str:
    return f"{it['identity']} {it['id']}"


def _peaks(here: Room, mono_ns: int) -> dict[str, float]:
    """What the agent's microphones hear at this moment, by track."""
    from edge_agent.levels import read_level

    tracks = (here.status() or {"tracks": {}})["tracks"]
    heard = {name: read_level(here.runtime, name) for name in tracks}
    return {
        name: round(now.peak, 1)
        for name, now in heard.items()
        if now is not None and mono_ns - now.mono_ns < FRESH_NS
    }


def _wait(fd: int, seconds: float) -> None:
    select.select([fd] if fd >= 0 else [], [], [], seconds)
