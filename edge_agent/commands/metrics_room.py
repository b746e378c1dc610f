"""The room in Prometheus's metrics: what the panel would show, in figures.

Stands with the commands because it joins the panel's look with what monitoring wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge_agent import __version__
from edge_agent.clock import Clock
from edge_agent.commands.alert_causes import alerts
from edge_agent.commands.missed_bookings import Missed, MissedBookings
from edge_agent.commands.room_look import RoomLook
from edge_agent.config import Config
from edge_agent.exposition import Metric, text
from edge_agent.panel import state as panel
from edge_agent.panel.hub import Telling
from edge_agent.panel.picture import Memory
from edge_agent.panel.reading import NS, Reading
from edge_agent.rules.alerts import ALERTS
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime, Spool

_PREFIX = "edge_agent_"


def looking(
    config: Config, spool: Spool, runtime: Runtime, clock: Clock
) -> tuple[Callable[[], str], Callable[[], None]]:
    """A look at the room, and what ends the looking. Both for one thread."""
    room, tell = RoomLook(config, spool, runtime, clock), telling(config)

    def look() -> str:
        reading, shown = room.look(queue_too=True)
        return tell(reading, shown, room.memory, room.reader.counts())

    return look, room.close


def telling(config: Config) -> Telling:
    """What a room that was looked at comes to in figures, as Prometheus reads them."""
    labels = {"version": __version__, "institution": config.room.institution}
    labels["room"] = config.room.name
    bookings = MissedBookings(Spool(config.storage.spool))

    def tell(
        reading: Reading, shown: panel.PanelState, memory: Memory, counts: Mapping[State, int]
    ) -> str:
        found = [_metric("info", "Which room this is.", (labels, 1))]
        missed = bookings.look(reading.now)
        found += _of_the_room(reading, shown, memory, missed)
        found += _of_tracks(reading.status["tracks"] if reading.status else {})
        return text(found + _of_lectures(reading, shown, counts, missed))

    return tell


def _metric(name: str, words: str, *samples: tuple[Mapping[str, str], float | None]) -> Metric:
    kept = [(labels, float(value)) for labels, value in samples if value is not None]
    kind = "counter" if name.endswith("_total") else "gauge"
    return Metric(_PREFIX + name, words, "counter" if kind == "counter" else "gauge", kept)


def _of_the_room(
    it: Reading, shown: panel.PanelState, memory: Memory, missed: Missed
) -> list[Metric]:
    alive = not any(problem.key == "agent.down" for problem in shown.problems)
    called = alerts(it, shown, missed)
    spoke_ns = memory.heard.spoke_ns
    silent_s = None if spoke_ns is None else (it.now.mono_ns - spoke_ns) / NS
    # Of a room that cannot be seen nothing is said but that: old figures would look like facts.
    space: float | None = shown.space.hours if alive else None
    free = it.status["spool"]["free_bytes"] if alive and it.status else None
    return [
        _metric("up", "The recording agent runs and answers.", ({}, alive)),
        _metric(
            "alert",
            "Somebody must be called: the same three alerts as over MQTT.",
            *(({"alert": name}, name in called) for name in ALERTS),
        ),
        _metric(
            "recording_active",
            "A lecture is being recorded, and is on the disk.",
            ({}, shown.word == "recording"),
        ),
        _metric("paused", "A lecture is paused.", ({}, shown.word == "paused")),
        _metric("muted", "The room is muted for privacy.", ({}, shown.muted)),
        _metric("seconds_since_speech", "Since somebody was heard.", ({}, silent_s)),
        _metric("disk_free_bytes", "Free space for lectures.", ({}, free)),
        _metric(
            "record_hours_left", "How long the space lasts for this room's tracks.", ({}, space)
        ),
        _metric(
            "clock_synchronised", "The kernel calls its clock synchronised.", ({}, shown.clock_ok)
        ),
    ]


def _of_tracks(tracks: Mapping[str, Any]) -> list[Metric]:
    def each(value: Callable[[Mapping[str, Any]], float | None]) -> Any:
        return [({"source": name}, value(track)) for name, track in tracks.items()]

    def loudness(track: Mapping[str, Any]) -> float | None:
        return track["sound"]["short_term"] if track["sound"] else None

    return [
        _metric(
            "source_lost",
            "The device cannot be recorded now.",
            *each(lambda track: bool(track["reason"]) or track["phase"] in ("absent", "wedged")),
        ),
        _metric(
            "recorded_seconds_total",
            "Of the lecture under way, on the disk; begins anew with each lecture.",
            *each(lambda track: track["durable_s"]),
        ),
        _metric(
            "frames_dropped_total",
            "Since the device was opened.",
            *each(lambda track: track["dropped"]),
        ),
        _metric("audio_loudness_lufs", "Of the last three seconds.", *each(loudness)),
    ]


def _of_lectures(
    it: Reading, shown: panel.PanelState, counts: Mapping[State, int], missed: Missed
) -> list[Metric]:
    queue = shown.queue
    lines = {"waiting": queue.waiting, "help": queue.help}
    return [
        _metric(
            "queue_lectures",
            "Of the last lectures: on their way, or in need of people.",
            *(({"state": name}, value) for name, value in lines.items()),
        ),
        _metric("queue_bytes", "What waits to be sent.", ({}, it.waiting_bytes)),
        _metric(
            "lectures",
            "In the room's ledger.",
            *(({"state": state.value}, count) for state, count in counts.items()),
        ),
        _metric(
            "missed_bookings_total",
            "Booked lectures that were not recorded.",
            ({}, missed.ever),
        ),
    ]
