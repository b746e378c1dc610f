"""The screens of a fake panel: canned states of a room, by their names."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_agent.panel import state as it

ID = "0193a1b2-0000-7000-8000-000000000001"


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def utc(minutes: float = 0) -> str:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def source(number: int, track: str, role: it.SourceRole, state: it.SourceState) -> it.Source:
    video = role in ("camera", "slides")
    return it.Source(
        number=number,
        track=track,
        media="video" if video else "audio",
        role=role,
        state=state,
        preview=video and state != "lost",
        description=f"Test {role}",
    )


def sources(state: it.SourceState = "ok", **other: it.SourceState) -> list[it.Source]:
    named: dict[str, it.SourceRole] = {
        "camera": "camera",
        "slides": "slides",
        "microphone": "microphone",
        "room": "room",
    }
    return [source(n, t, r, other.get(t, state)) for n, (t, r) in enumerate(named.items())]


def lecture(until_min: float | None = 48) -> it.Lecture:
    return it.Lecture(
        id=ID,
        title="Thermodynamics 2",
        course="PHY 204",
        lecturer="Dr Sok",
        language="en",
        started_utc=utc(-42),
        until_utc=utc(until_min) if until_min is not None else None,
        until_ms=now_ms() + round(until_min * 60_000) if until_min is not None else None,
    )


def queue() -> it.Queue:
    def line(n: int, title: str, arrival: it.Arrival, percent: int = 0) -> it.QueueLine:
        return it.QueueLine(
            id=f"{ID[:-1]}{n}",
            title=title,
            course="PHY 204",
            lecturer="Dr Sok",
            started_utc=utc(-1440.0 * n),
            length_s=5400 - 60 * n,
            arrival=arrival,
            percent=percent,
            keepable=arrival == "waiting",
            reason="the platform refused the file" if arrival == "help" else "",
        )

    lines = [
        line(1, "Thermodynamics 1", "waiting"),
        line(2, "Heat and work", "sending", 43),
        line(3, "", "sent"),
        line(4, "ទែម៉ូឌីណាមិច", "help"),
        line(
            5,
            "A very long title that goes on and on about the second law of thermodynamics",
            "sent",
        ),
        line(6, "Office hour", "kept"),
    ]
    return it.Queue(waiting=2, sending_percent=43, help=1, next_utc=utc(720), lectures=lines)


def base(word: it.Word, **more: Any) -> it.PanelState:
    room = it.Room(
        name="Room B-204",
        institution="Royal University",
        languages=["en", "fr", "ar", "zh-Hans", "km", "mn", "ur", "si", "am", "sw"],
        phone="023 880 116",
        help_text="AV desk, ground floor",
        help_url="https://example.org/help",
    )
    plain = {
        "room": room,
        "word": word,
        "details": it.Details(course="PHY 204", language="en"),
        "mic": it.Microphone(state="ok", source=2, speaking=True),
        "sources": sources(),
        "space": it.Space(hours=41.2, free_bytes=300 * 2**30),
        "queue": queue(),
        "pin_set": True,
    }
    return it.PanelState(**(plain | more))


def recording(**more: Any) -> it.PanelState:
    plain: dict[str, Any] = {
        "lecture": lecture(),
        "sources": sources("recording"),
        "timer": it.Timer(ms=42 * 60_000 + 17_000, at_ms=now_ms(), running=True),
    }
    return base("recording", **(plain | more))


def paused(**more: Any) -> it.PanelState:
    return recording(
        sources=sources("ok"),
        timer=it.Timer(ms=42 * 60_000, at_ms=now_ms()),
        pause_timer=it.Timer(ms=65_000, at_ms=now_ms(), running=True),
        **more,
    ).model_copy(update={"word": "paused"})


def saved(**more: Any) -> it.PanelState:
    told: dict[str, Any] = {
        "lecture": ID,
        "title": "Thermodynamics 2",
        "length_s": 5025,
        "continue_until_ms": now_ms() + 110_000,
        "listen": True,
        "keepable": True,
    }
    return base("saved", saved=it.Saved(**(told | more)))


def trouble(
    key: it.ProblemKey,
    severity: it.Severity = "warning",
    word: it.Word = "recording",
    number: int | None = None,
    **numbers: int,
) -> it.PanelState:
    problem = it.Problem(
        key=key, severity=severity, source=number, numbers=numbers, detail="what IT reads"
    )
    state = recording() if word == "recording" else base(word)
    mics: dict[str, it.MicState] = {
        "mic.none": "none",
        "mic.silent": "silent",
        "mic.unheard": "silent",
        "mic.quiet": "quiet",
        "mic.loud": "loud",
        "mic.cable": "cable",
    }
    changes: dict[str, Any] = {"problems": [problem]}
    if key in mics:
        changes["mic"] = it.Microphone(state=mics[key], source=2)
    lost = {"mic.none": "microphone", "cam.none": "camera", "slides.none": "slides"}
    if key in lost:
        changes["sources"] = sources("recording", **{lost[key]: "lost"})
    return state.model_copy(update=changes)


SCREENS: dict[str, Callable[[], it.PanelState]] = {
    "ready": lambda: base("ready"),
    "ready_say": lambda: base("ready", mic=it.Microphone(state="say", source=2)),
    "ready_booked": lambda: base(
        "ready",
        booking=it.Booking(
            title="Thermodynamics 2",
            lecturer="Dr Sok",
            course="PHY 204",
            starts_utc=utc(8),
            ends_utc=utc(98),
        ),
    ),
    "starting": lambda: base("starting", lecture=lecture()),
    "start_failed": lambda: trouble("start.failed", "critical", "start_failed"),
    "recording": recording,
    "recording_open": lambda: recording(lecture=lecture(None)),
    "muted": lambda: recording(
        muted=True,
        mic=it.Microphone(state="muted", source=2),
        sources=sources("muted"),
    ),
    "paused": paused,
    "paused_talking": lambda: paused(ask=it.Ask(kind="pause_talking")),
    "saving": lambda: base("saving", saving_percent=62, lecture=lecture()),
    "saved": saved,
    "saved_late": lambda: saved(continue_until_ms=None),
    "saved_kept": lambda: saved(kept=True),
    "saved_test": lambda: saved(title="Test recording", length_s=10, kept=True, test=True),
    "late_start": lambda: base("ready", ask=it.Ask(kind="late_start")),
    "ending": lambda: recording(lecture=lecture(4), ask=it.Ask(kind="ending")),
    "stopping": lambda: recording(
        lecture=lecture(0), ask=it.Ask(kind="stopping", at_ms=now_ms() + 60_000)
    ),
    "overtime": lambda: recording(lecture=lecture(4), ask=it.Ask(kind="overtime")),
    "agent_down": lambda: trouble("agent.down", "critical", "not_ready"),
    "room_empty": lambda: trouble("room.empty", "critical", "not_ready").model_copy(
        update={"sources": [], "mic": it.Microphone()}
    ),
    "space_full": lambda: trouble("space.full", "critical", "not_ready"),
    "space_low": lambda: trouble("space.low", "critical", minutes=23),
    "mic_none": lambda: trouble("mic.none", "critical", number=2),
    "mic_silent": lambda: trouble("mic.silent", "critical", number=2),
    "mic_unheard": lambda: trouble("mic.unheard", number=2),
    "mic_quiet": lambda: trouble("mic.quiet", number=2),
    "mic_loud": lambda: trouble("mic.loud", number=2),
    "mic_cable": lambda: trouble("mic.cable", number=2),
    "cam_none": lambda: trouble("cam.none", number=0),
    "cam_covered": lambda: trouble("cam.covered", number=0),
    "cam_frozen": lambda: trouble("cam.frozen", number=0),
    "slides_none": lambda: trouble("slides.none", number=1),
    "disk_trouble": lambda: trouble("disk.trouble", "critical"),
    "power_battery": lambda: trouble("power.battery"),
    "computer_busy": lambda: trouble("computer.busy", "notice"),
    "clock_unsure": lambda: trouble("clock.unsure", "notice").model_copy(
        update={"clock_ok": False}
    ),
}
