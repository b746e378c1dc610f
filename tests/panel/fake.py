"""A panel server without an agent: canned states, and buttons that lead from one to the next.

    python -m tests.panel.fake --port 8025

`/fake/{screen}` shows a screen to everybody who is connected (the names: `/fake`), and
`/fake/it` gives a role. Levels move, pictures are drawn, Start leads to recording in a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import math
import time
import wave
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import segno
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_agent.panel import state as it
from edge_agent.panel import wire
from tests.panel.fake_pictures import picture

ROLES = get_args(it.Role)
STATIC = Path(__file__).parents[2] / "edge_agent" / "panel" / "static"
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

#: Where a button leads; `starting` and `saving` go on by themselves after a second.
LEADS = {
    "start": "starting",
    "stop": "saving",
    "pause": "paused",
    "resume": "recording",
    "mute": "muted",
    "unmute": "recording",
    "continue": "recording",
    "test": "starting",
}
GOES_ON = {"starting": "recording", "saving": "saved"}


class Fake:
    """One room for everybody who is connected."""

    def __init__(self, screen: str = "ready") -> None:
        self.rev = 0
        self.turn = 0
        self.answers: dict[str, wire.Pressed] = {}
        self.presses: list[tuple[str, dict[str, Any]]] = []
        self.role: it.Role = "control"
        self.binned = {ID: False, f"{ID[:-1]}7": True}
        self.show(screen)

    def show(self, screen: str) -> None:
        self.screen, self.since = screen, time.monotonic()
        self.rev += 1
        self.turn = self.rev
        fresh = SCREENS[screen]()
        self.state = fresh.model_copy(update={"rev": self.rev, "turn": self.turn})

    def change(self, **changes: Any) -> None:
        self.rev += 1
        self.state = self.state.model_copy(update={**changes, "rev": self.rev})

    def tick(self) -> None:
        following = GOES_ON.get(self.screen)
        if following and time.monotonic() - self.since > 1:
            self.show(following)

    def press(self, name: str, press: wire.Press) -> wire.Pressed:
        args = wire.COMMANDS[name].model_validate(press.args)
        if press.key in self.answers:
            return self.answers[press.key]
        self.presses.append((name, args.model_dump(exclude_none=True)))
        if name in LEADS:
            self.show(LEADS[name])
        elif isinstance(args, wire.Named):
            self.name(name, args.lecture)
        elif isinstance(args, wire.Edit):
            given = args.model_dump(exclude_none=True, exclude={"lecture"})
            if self.state.lecture:
                self.change(lecture=self.state.lecture.model_copy(update=given))
            else:
                self.change(details=self.state.details.model_copy(update=given))
        elif isinstance(args, wire.Extend) and self.state.lecture:
            later = (self.state.lecture.until_ms or now_ms()) + args.minutes * 60_000
            minutes = (later - now_ms()) / 60_000
            moved = {"until_ms": later, "until_utc": utc(minutes)}
            self.change(lecture=self.state.lecture.model_copy(update=moved), ask=None)
        answer = wire.Pressed(lecture=ID)
        self.answers[press.key] = answer
        return answer

    def name(self, verb: str, lecture: str) -> None:
        """What is done with one lecture."""
        if verb in ("delete", "restore"):
            self.binned[lecture] = verb == "delete"
            if verb == "delete" and self.screen == "saved_test":
                self.show("ready")
        else:
            self.keep(lecture, verb == "withhold")

    def keep(self, lecture: str, kept: bool) -> None:
        queue, saved = self.state.queue, self.state.saved
        changed = {"arrival": "kept" if kept else "waiting", "keepable": True}
        lines = [
            line.model_copy(update=changed) if line.id == lecture else line
            for line in queue.lectures
        ]
        self.change(
            queue=queue.model_copy(update={"lectures": lines}),
            saved=saved.model_copy(update={"kept": kept}) if saved else None,
        )


def beep() -> bytes:
    """Ten seconds of a soft tone as WAV."""
    t = np.arange(160_000) / 16_000
    samples = (3000 * np.sin(2 * np.pi * 220 * t)).astype("<i2")
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return whole.getvalue()


def failed(status: int, code: str, message: str = "") -> JSONResponse:
    fault = wire.Fault(code=code, message=message or code)
    return JSONResponse(wire.Failed(error=fault).model_dump(), status)


def model(it: wire.Wire, status: int = 200) -> JSONResponse:
    return JSONResponse(it.model_dump(mode="json"), status)


def it_page(binned: Mapping[str, bool]) -> wire.ItPage:
    tracks = [
        wire.ItTrack(
            track=s.track,
            kind="v4l2" if s.media == "video" else "microphone",
            device=f"/dev/{s.track}",
            phase="recording",
            description=s.description,
            size="1920×1080" if s.media == "video" else "",
            fps=25 if s.media == "video" else 0,
            encoder="libx264 veryfast" if s.media == "video" else "aac",
            dropped=3,
            backlog_percent=4,
            restarts=0,
            given_up="",
            warning="",
            reason="",
            hint="",
            peak_dbfs=-9.3 if s.media == "audio" else None,
            mean_dbfs=-21.0 if s.media == "audio" else None,
            loudness_lufs=-23.1 if s.media == "audio" else None,
            drift_ppm=12.5 if s.media == "audio" else None,
        )
        for s in sources()
    ]
    return wire.ItPage(
        version="0.1.0",
        tracks=tracks,
        free_bytes=300 * 2**30,
        total_bytes=500 * 2**30,
        hours=41.2,
        trouble="",
        clock="synchronised",
        waiting_files=6,
        waiting_bytes=2_400_000_000,
        upload_errors=["platform: the connection was refused"],
        upload_running=True,
        addresses=["10.4.2.31"],
        devices=["Logitech BRIO (usb 1-2)", "USB microphone (usb 1-3)"],
        tests=[
            wire.ItTest(lecture=name, started_utc=utc(-30 * n - 2), length_s=10, binned=gone)
            for n, (name, gone) in enumerate(binned.items())
        ],
        events=[
            wire.ItEvent(utc=utc(-n), kind="device lost", text="unplugged", track="camera")
            for n in range(20)
        ],
    )


class Pages:
    """What is served; one method for each path."""

    def __init__(self, room: Fake) -> None:
        self.room = room

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/fake", self.screens),
            Route("/fake/{screen}", self.show, methods=["GET", "POST"]),
            Route("/api/v1/commands/{name}", self.command, methods=["POST"]),
            Route("/api/v1/access", self.session, methods=["GET", "POST", "DELETE"]),
            Route("/api/v1/pairings", self.pairings, methods=["POST"]),
            Route("/api/v1/preview/{source:int}.jpg", self.preview),
            Route("/api/v1/lectures/{id}/listen", self.listen),
            Route("/api/v1/state", self.state),
            Route("/api/v1/it", self.it),
            Route("/api/v1/checks", self.checks, methods=["POST"]),
            Route("/api/v1/courses", self.courses),
            WebSocketRoute("/api/v1/live", self.live),
        ]

    async def screens(self, request: Request) -> Response:
        return JSONResponse(sorted(SCREENS))

    async def show(self, request: Request) -> Response:
        """A screen, or a role for whoever connects next."""
        name = request.path_params["screen"]
        if name in ROLES:
            self.room.role = name
        elif name in SCREENS:
            self.room.show(name)
        else:
            return failed(404, "not-found")
        return JSONResponse(name)

    async def command(self, request: Request) -> Response:
        name, room = request.path_params["name"], self.room
        if name not in wire.COMMANDS:
            return failed(404, "unknown-command")
        try:
            press = wire.Press.model_validate_json(await request.body())
            known = press.key in room.answers or name not in wire.TURN_SENSITIVE
            if not known and press.base < room.turn:
                return failed(409, "stale")
            return model(room.press(name, press))
        except ValidationError as error:
            return failed(400, "bad-request", str(error))

    async def session(self, request: Request) -> Response:
        if request.method == "POST":
            asked = wire.SignIn.model_validate_json(await request.body())
            if asked.pin not in (None, "1234"):
                return failed(401, "wrong-pin")
            self.room.role = "it" if asked.pin else "control"
        elif request.method == "DELETE":
            self.room.role = "control"
            return Response(status_code=204)
        return model(wire.Access(role=self.room.role, pin_set=True))

    async def state(self, request: Request) -> Response:
        return model(self.room.state)

    async def it(self, request: Request) -> Response:
        if self.room.role != "it":
            return failed(403, "not-allowed")
        return model(it_page(self.room.binned))

    async def checks(self, request: Request) -> Response:
        said: list[tuple[str, Literal["ok", "note", "wrong"], str, str]] = [
            ("agent", "ok", "the agent runs", ""),
            ("clock", "note", "not synchronised: dates of lectures may be wrong", "timedatectl"),
            ("disk", "wrong", "12 GiB free, and a lecture needs 20", "free some space"),
        ]
        rows = [wire.Checked(check=c, state=s, message=m, fix=f) for c, s, m, f in said]
        return model(wire.Checks(findings=rows))

    async def courses(self, request: Request) -> Response:
        known = [("PHY 204", "Dr Sok"), ("CHE 101", "Dr Chan"), ("MAT 110", "")]
        courses = [
            wire.Course(
                details=it.Details(course=course, lecturer=who, language="en"),
                last_utc=utc(-1440 * n),
            )
            for n, (course, who) in enumerate(known)
        ]
        return model(wire.Courses(courses=courses))

    async def pairings(self, request: Request) -> Response:
        url = "http://room-b204.lan:8025/#pair=3f9c2d7a81b64e05"
        svg = segno.make(url).svg_inline(scale=6)
        return model(wire.Pairing(url=url, svg=svg, expires_s=60), 201)

    async def preview(self, request: Request) -> Response:
        return Response(picture(request.path_params["source"]), media_type="image/jpeg")

    async def listen(self, request: Request) -> Response:
        return Response(beep(), media_type="audio/wav")

    async def live(self, socket: WebSocket) -> None:
        """`?screen=` of the page is the page's; `?screen=` here changes the room for all."""
        screen = socket.query_params.get("screen")
        if screen in SCREENS:
            self.room.show(screen)
        await socket.accept()
        await Viewer(self.room, socket).run()


def fake(room: Fake | None = None, static: Path = STATIC) -> Starlette:
    """The ASGI app. `static`: the page's folder; the panel's own by default."""
    page = StaticFiles(directory=static, html=True, check_dir=False)
    return Starlette(routes=[*Pages(room or Fake()).routes(), Mount("/", page)])


class Viewer:
    """One WebSocket of the fake."""

    def __init__(self, room: Fake, socket: WebSocket) -> None:
        self.room, self.socket = room, socket
        self.sent: it.PanelState | None = None
        self.fps = 0.0
        self.waiting: set[int] = set()

    async def run(self) -> None:
        talking = [asyncio.create_task(it()) for it in (self.state, self.levels, self.pictures)]
        try:
            async for line in self.socket.iter_json():
                await self.hear(line)
        finally:
            for task in talking:
                task.cancel()
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
                await asyncio.gather(*talking)

    async def hear(self, line: Any) -> None:
        match wire.from_browser.validate_python(line):
            case wire.WantSnapshot():
                self.sent = None
            case wire.WantPreviews(fps=fps):
                self.fps = fps
            case wire.Seen(source=number):
                self.waiting.discard(number)
            case _:
                pass

    async def state(self) -> None:
        beat = 0.0
        while True:
            self.room.tick()
            state = self.room.state
            if self.sent is None or state.rev > self.sent.rev + 1:
                await self.send(wire.Snapshot(ms=now_ms(), role=self.room.role, state=state))
            elif state.rev > self.sent.rev:
                whole, before = state.model_dump(mode="json"), self.sent.model_dump(mode="json")
                changes = {k: v for k, v in whole.items() if v != before[k]}
                await self.send(wire.Patch(ms=now_ms(), rev=state.rev, changes=changes))
            self.sent = state
            if time.monotonic() > beat:
                beat = time.monotonic() + 2
                await self.send(wire.Beat(ms=now_ms(), utc=utc(), offset_min=420))
            await asyncio.sleep(0.05)

    async def levels(self) -> None:
        while True:
            for each in self.room.state.sources:
                if each.media == "audio" and each.state != "lost":
                    peak = -30 + 25 * math.sin(time.monotonic() * 3 + each.number)
                    frame = wire.level_frame(each.number, now_ms(), peak, peak - 9)
                    await self.socket.send_bytes(frame)
            await asyncio.sleep(0.1)

    async def pictures(self) -> None:
        while True:
            for each in self.room.state.sources:
                if self.fps and each.preview and each.number not in self.waiting:
                    self.waiting.add(each.number)
                    frame = wire.preview_frame(each.number, now_ms(), picture(each.number))
                    await self.socket.send_bytes(frame)
            await asyncio.sleep(1 / (self.fps or 5))

    async def send(self, message: wire.Wire) -> None:
        await self.socket.send_text(json.dumps(message.model_dump(mode="json")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--screen", default="ready", choices=sorted(SCREENS))
    asked = parser.parse_args()
    uvicorn.run(fake(Fake(asked.screen)), port=asked.port, ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
