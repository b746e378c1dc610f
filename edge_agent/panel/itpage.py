"""What IT staff see: every device, the disk, the queue, the last events. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_agent import __version__
from edge_agent.panel.queue import length_s
from edge_agent.panel.reading import Reading, Rehearsal
from edge_agent.panel.state import PanelState
from edge_agent.panel.wire import ItEvent, ItPage, ItTest, ItTrack
from edge_agent.rows import Event


def it_page(
    it: Reading,
    shown: PanelState,
    total_bytes: int,
    addresses: list[str],
    tests: Iterable[Rehearsal],
    events: Iterable[Event],
) -> ItPage:
    status = it.status or {"tracks": {}, "spool": {"free_bytes": 0, "trouble": ""}}
    tracks = status["tracks"]
    errors = [f"{j.lecture.title or j.lecture.id}: {j.error}" for j in it.journeys if j.error]
    return ItPage(
        version=__version__,
        tracks=[_track(name, track) for name, track in tracks.items()],
        free_bytes=int(status["spool"]["free_bytes"]),
        total_bytes=total_bytes,
        hours=shown.space.hours,
        trouble="; ".join(filter(None, (str(status["spool"]["trouble"]), it.trouble))),
        clock=it.now.trust,
        waiting_files=it.waiting_files,
        waiting_bytes=it.waiting_bytes,
        upload_errors=errors[:5],
        upload_running=it.upload is not None,
        addresses=addresses,
        devices=sorted({t["description"] for t in tracks.values() if t["description"]}),
        tests=[
            ItTest(
                lecture=each.lecture.id,
                started_utc=each.lecture.started_utc,
                length_s=length_s(each.lecture),
                binned=each.binned,
            )
            for each in tests
        ],
        events=[
            ItEvent(utc=e.utc, kind=e.kind, text=e.text[:500], track=e.track or "") for e in events
        ],
    )


def _track(name: str, it: Mapping[str, Any]) -> ItTrack:
    sound = it["sound"] or {}
    return ItTrack(
        track=name,
        kind=it["kind"],
        device=_without_password(it["device"]),
        phase=it["phase"],
        description=it["description"],
        size=f"{it['width']}×{it['height']}" if it["width"] else "",
        fps=it["fps"],
        encoder=it["encoder"],
        dropped=it["dropped"],
        backlog_percent=round(100 * it["backlog"]),
        restarts=it["restarts"],
        given_up=it["given_up"],
        warning=it["warning"] or it["notice"],
        reason=it["reason"],
        hint=it["hint"],
        peak_dbfs=it["peak"],
        mean_dbfs=it["rms"],
        loudness_lufs=sound.get("integrated"),
        drift_ppm=sound.get("drift_ppm"),
    )


def _without_password(device: str) -> str:
    """A network camera's address may carry one."""
    scheme, mark, rest = device.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else device
