"""The room's tracks as the panel shows them, and how long the space lasts for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.panel import state as show
from edge_agent.panel.reading import Reading
from edge_agent.rules import panel as rules
from edge_agent.rules import space
from edge_agent.rules.stand_in import is_backup

GIB = 1 << 30
#: What a microphone is recorded with unless its track says otherwise.
AUDIO_KBPS = 96


def is_lost(track: Mapping[str, Any]) -> bool:
    """It cannot be recorded now: its recorder has said why, or is gone."""
    return bool(track["reason"]) or track["phase"] in ("absent", "wedged")


def _role(track: Mapping[str, Any], main: bool) -> show.SourceRole:
    if track["media"] == "audio":
        return "microphone" if main else "room"
    return "slides" if str(track["flavor"]).startswith("presentation/") else "camera"


def main_microphone(tracks: Mapping[str, Any]) -> str | None:
    """The lecturer's; the first one where none is marked so. A backup only where it is alone."""
    heard = [name for name, track in tracks.items() if track["media"] == "audio"]
    heard.sort(key=lambda name: is_backup(tracks[name]["flavor"]))
    lecturers = [name for name in heard if tracks[name]["flavor"].startswith("presenter/")]
    return next(iter([*lecturers, *heard]), None)


def source(number: int, name: str, it: Reading, status: Mapping[str, Any]) -> show.Source:
    track = status["tracks"][name]
    lost = is_lost(track)
    durable = track["durable_s"]
    return show.Source(
        number=number,
        track=name,
        media=track["media"],
        role=_role(track, name == main_microphone(status["tracks"])),
        state=_source_state(track, lost, bool(status["muted"])),
        preview=bool(track["preview"]) and not lost,
        durable_s=int(durable) if durable is not None and it.active else None,
        description=track["description"],
        reason=track["reason"],
        hint=track["hint"],
    )


def _source_state(track: Mapping[str, Any], lost: bool, muted: bool) -> show.SourceState:
    if lost:
        return "lost"
    if track["phase"] == "starting":
        return "starting"
    if muted:
        return "muted"
    on_disk = track["phase"] == "recording" and track["durable_s"] is not None
    return "recording" if on_disk else "ok"


def mic_facts(it: Reading, status: Mapping[str, Any], name: str) -> rules.MicFacts:
    track = status["tracks"][name]
    sound = track["sound"] or {}
    facts = {key: sound[key] for key in ("speaking", "short_term", "momentary") if key in sound}
    return rules.MicFacts(
        now_ns=it.now.mono_ns,
        phase=track["phase"],
        lost=is_lost(track),
        muted=bool(status["muted"]),
        warning=track["warning"],
        clipped=sound.get("clipped", 0.0),
        tonal=sound.get("tonal", False),
        recording=track["phase"] == "recording",
        **facts,
    )


def space_left(tracks: Mapping[str, Any], kbps: Mapping[str, int], free: int) -> show.Space:
    """In steps, so that a recording does not change it twice a second."""
    usual = {"audio": AUDIO_KBPS, "video": space.VIDEO_KBPS}
    rates = [kbps.get(name, usual[track["media"]]) for name, track in tracks.items()]
    hours = space.hours_left(free, rates) if rates else 0.0
    coarse = round(hours, 1) if hours < 10 else float(round(hours))
    return show.Space(hours=coarse, free_bytes=free // (GIB // 10) * (GIB // 10))
