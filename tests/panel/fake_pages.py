"""What a fake panel serves."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import segno
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from edge_agent.panel import state as it
from edge_agent.panel import wire
from tests.panel.fake_pictures import picture
from tests.panel.fake_room import Fake
from tests.panel.fake_screens import SCREENS, sources, utc
from tests.panel.fake_viewer import Viewer

ROLES = get_args(it.Role)


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
