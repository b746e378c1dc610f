"""`edge-agent encoders --benchmark`: how many of this room's tracks this PC can encode at once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Report

if TYPE_CHECKING:
    from edge_agent.commands.room import Room
    from edge_agent.config import TrackConfig
    from edge_agent.encoder_book import Book
    from encoders.headroom import Effort, Fit, Load, Track

#: Looking for devices takes about a second; a driver that hangs is left alone after this.
LOOK_S = 15.0


def benchmark(
    here: Room, configured: Mapping[str, TrackConfig], book: Book, report: Report
) -> Book:
    """Measure and choose; the book with the result."""
    from encoders.headroom import EFFORTS, at_once, choose, words
    from encoders.load import Crowd

    tracks = _tracks(here, configured, book, report)
    processors = len(os.sched_getaffinity(0))
    crowd = Crowd()
    fits: list[Fit] = []
    loads: list[Load] = []
    try:
        for effort in EFFORTS:
            loads, found = _measure(crowd, tracks, effort, processors)
            fits.append(found)
            report.note(f"{words(effort)}: {found.reason}")
            if found.fits:
                break
    finally:
        crowd.end()
    chosen = choose(fits)
    result: dict[str, Any] = {
        "measured_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": processors,
        "tracks": [asdict(track) for track in tracks],
        "tried": [asdict(each) | {"words": words(each.effort)} for each in fits],
        "loads": [asdict(load) for load in loads],
        "at_once": at_once(loads, processors),
        "effort": asdict(chosen.effort),
        "fits": chosen.fits,
    }
    return book.with_headroom(result)


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    count = len(result["tracks"])
    names = ", ".join(
        f"{each['name']} {each['width']}×{each['height']} {each['fps']:g}/s with {each['encoder']}"
        for each in result["tracks"]
    )
    last = result["tried"][-1]
    said = [f"measured: {names}, all at once"]
    said += [f"too much: {each['words']}: {each['reason']}" for each in result["tried"][:-1]]
    if result["fits"]:
        said.append(f"recorded with: {last['words']}: {last['reason']}")
    else:
        said.append(f"recorded with: {last['words']}, although it is too much: {last['reason']}")
        said.append("next: choose a smaller size or rate for a track, or record fewer of them")
    said.append(f"this PC can encode {result['at_once']} such tracks at once; the room has {count}")
    return said


def _measure(
    crowd: Any, tracks: list[Track], effort: Effort, processors: int
) -> tuple[list[Load], Fit]:
    from edge_agent.rules.overload import smaller
    from encoders.headroom import fit
    from encoders.load import request_for

    requests = []
    for track in tracks:
        size = (track.width, track.height)
        size = smaller(*size) if effort.small else size
        requests.append((track.name, request_for(track, effort, size)))
    loads = crowd.measure(requests)
    return loads, fit(effort, loads, processors)


def _tracks(
    here: Room, configured: Mapping[str, TrackConfig], book: Book, report: Report
) -> list[Track]:
    """The tracks of pictures that are encoded here: as they run, else as configured, else found."""
    from encoders.headroom import Track

    facts = here.status()
    running = (facts or {}).get("tracks", {})
    opened = [
        Track(
            name,
            each["width"],
            each["height"],
            each["fps"] or 30.0,
            _encoder(book, each["encoder"]),
            each["codec"] == "mjpeg",
        )
        for name, each in running.items()
        if each["media"] == "video" and each["width"] and each["encoder"] != "pass-through"
    ]
    if opened:
        return opened
    tracks = [
        Track(name, *(each.size or (1920, 1080)), each.fps or 30.0, _encoder(book, "", each.codec))
        for name, each in (configured or _found()).items()
        if each.media == "video" and each.format != "h264"
    ]
    if not tracks:
        report.warn("no camera is configured or plugged in: measured is one of 1920×1080 at 30/s")
        tracks = [Track("camera", 1920, 1080, 30.0, _encoder(book, ""))]
    return tracks


def _encoder(book: Book, used: str, codec: str = "h264") -> str:
    from encoders.ladder import SOFTWARE, rungs

    first = [*rungs(book.of(codec), codec), SOFTWARE["h264"]][0]
    return used or first


def _found() -> dict[str, TrackConfig]:
    """What is plugged in, asked in a child: a driver may hang."""
    from edge_agent.discovery import Discovery

    discovery, deadline = Discovery(), time.monotonic() + LOOK_S
    try:
        while time.monotonic() < deadline:
            found = discovery.step(time.monotonic_ns())
            if found or discovery.looked:
                return found
            time.sleep(0.05)
    finally:
        discovery.end()
    return {}
