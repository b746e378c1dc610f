"""The panel's paths. What they mean stands in `docs/panel-api.md`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import segno
from argon2.exceptions import InvalidHashError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from edge_agent.panel import wire
from edge_agent.panel.answers import (
    address_of,
    body_of,
    demand,
    document,
    higher,
    is_local,
    role_of,
    schema_of_all,
    total_bytes,
)
from edge_agent.panel.buttons import Buttons
from edge_agent.panel.checking import NotChecked, checked
from edge_agent.panel.figures import Figures
from edge_agent.panel.gate import COOKIE, ROLE, TOKEN
from edge_agent.panel.hub import Hub, Telling
from edge_agent.panel.itpage import it_page
from edge_agent.panel.listen import NoSound, files_of, ten_seconds
from edge_agent.panel.live import Viewer
from edge_agent.panel.reading import Reader
from edge_agent.panel.refusal import Refused, not_served, refused
from edge_agent.panel.sessions import CODE_S, RANK, Sessions, pin_fits
from edge_agent.panel.state import Details, Role
from edge_agent.spool import Spool

STATIC = Path(__file__).parent / "static"
#: More than any room has tablets; each costs a little of the processor.
MOST_VIEWERS = 20
#: Among so many lectures recent courses are looked for; so many are shown.
COURSES_OF, MOST_COURSES = 60, 6


@dataclass(frozen=True, slots=True)
class Panel:
    """The pieces behind the paths. `pin` gives its hash, None when there is none, and
    `metrics_token` what Prometheus shows for `figures`."""

    hub: Hub
    buttons: Buttons
    sessions: Sessions
    spool: Spool
    pin: Callable[[], str | None]
    metrics_token: Callable[[], str | None]
    figures: Telling
    addresses: Callable[[], list[str]]
    #: The doctor as a command.
    doctor: list[str]
    #: One PIN is checked, one sound read at a time: both take the processor.
    checking: asyncio.Lock
    reading: asyncio.Lock


def application(panel: Panel, static: Path = STATIC) -> Starlette:
    """The ASGI app, without its gate."""
    page = StaticFiles(directory=static, html=True, check_dir=False)
    figures = Figures(panel.hub, panel.figures, panel.metrics_token, panel.sessions.backoff)
    return Starlette(
        routes=[
            Mount("/api/v1", routes=Paths(panel).routes()),
            Route("/metrics", figures.answer),
            Mount("/", page),
        ],
        exception_handlers={Refused: refused, HTTPException: not_served},
    )


class Paths:
    """One method for each path."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/access", self.session),
            Route("/access", self.sign_in, methods=["POST"]),
            Route("/access", self.sign_out, methods=["DELETE"]),
            Route("/state", self.state),
            WebSocketRoute("/live", self.live),
            Route("/preview/{source:int}.jpg", self.preview),
            Route("/commands/{name}", self.command, methods=["POST"]),
            Route("/courses", self.courses),
            Route("/lectures/{lecture}/listen", self.listen),
            Route("/it", self.it),
            Route("/checks", self.checks, methods=["POST"]),
            Route("/pairings", self.pair, methods=["POST"]),
            Route("/schema", self.schema),
        ]

    # ------------------------------------------------------------ sessions

    async def session(self, request: Request) -> Response:
        return document(wire.Access(role=role_of(request), pin_set=self._panel.pin() is not None))

    async def sign_in(self, request: Request) -> Response:
        asked = await body_of(request, wire.SignIn)
        sessions, address = self._panel.sessions, address_of(request)
        sessions.backoff.demand(address)
        if asked.code is not None:
            role, tablet = sessions.redeem(asked.code), True
            code, message = "wrong-code", "this code is not good any more"
        else:
            role, tablet = await self._pin_role(address, asked.pin or ""), False
            code, message = "wrong-pin", "this is not the PIN"
        if role is None:
            sessions.backoff.wrong(address)
            raise Refused(401, code, message)
        sessions.backoff.right(address)
        try:
            token, seconds = sessions.open(role, tablet=tablet)
        except OSError as error:
            raise Refused(503, "disk", f"it cannot be stored: {error}", retryable=True) from None
        answer = document(wire.Access(role=higher(role, role_of(request)), pin_set=True))
        answer.set_cookie(COOKIE, token, max_age=seconds, httponly=True, samesite="strict")
        return answer

    async def _pin_role(self, address: str, pin: str) -> Role | None:
        hashed = self._panel.pin()
        if hashed is None:
            raise Refused(
                403,
                "not-allowed",
                "this panel has no PIN",
                "IT sets one with: edge-agent panel pin",
            )
        async with self._panel.checking:
            self._panel.sessions.backoff.demand(address)  # many may have waited here
            try:
                return "it" if await asyncio.to_thread(pin_fits, hashed, pin) else None
            except InvalidHashError:
                raise Refused(
                    403,
                    "not-allowed",
                    "the stored PIN cannot be read",
                    "IT sets it again with: edge-agent panel pin",
                ) from None

    async def sign_out(self, request: Request) -> Response:
        with contextlib.suppress(OSError):  # gone from memory; a full disk keeps its old file
            self._panel.sessions.close(request.scope[TOKEN])
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def checks(self, request: Request) -> Response:
        demand(request, "it")
        async with self._panel.reading:
            try:
                found = await asyncio.to_thread(checked, self._panel.doctor)
            except NotChecked as error:
                raise Refused(503, "not-checked", str(error), retryable=True) from None
        return document(found)

    async def pair(self, request: Request) -> Response:
        demand(request, "it")
        asked = await body_of(request, wire.Pair)
        url = f"http://{request.headers['host']}/"
        if is_local(request):
            url = next((f"{it}/" for it in self._panel.addresses()), url)
        url += f"#pair={self._panel.sessions.code(asked.role)}"
        svg = segno.make(url, error="m").svg_inline(scale=6, border=4, dark="#000", light="#fff")
        return document(wire.Pairing(url=url, svg=svg, expires_s=CODE_S), 201)

    # ------------------------------------------------------------ the room

    async def state(self, request: Request) -> Response:
        demand(request, "view")
        return document(await self._panel.hub.look())

    async def live(self, socket: WebSocket) -> None:
        role: Role = socket.scope[ROLE]
        await socket.accept()
        hub, sessions, token = self._panel.hub, self._panel.sessions, socket.scope[TOKEN]
        if RANK[role] < RANK["view"]:
            await socket.close(wire.NOT_ALLOWED)
            return
        if len(hub.viewers) >= MOST_VIEWERS:
            await socket.close(wire.TOO_MANY)
            return
        lent = sessions.role(token)

        def allowed() -> bool:
            return RANK[sessions.role(token)] >= RANK[lent]

        await Viewer(hub, socket, role, allowed).run()

    async def preview(self, request: Request) -> Response:
        demand(request, "view")
        path = self._panel.hub.preview_path(request.path_params["source"])
        try:
            picture = await asyncio.to_thread(path.read_bytes) if path else b""
        except OSError:
            picture = b""
        if not picture:
            raise Refused(404, "not-found", "there is no picture of it now")
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "no-store"})

    async def command(self, request: Request) -> Response:
        name = request.path_params["name"]
        demand(request, "it" if name in wire.FOR_IT else "control")
        press = await body_of(request, wire.Press)
        return document(await self._panel.buttons.press(name, press))

    async def courses(self, request: Request) -> Response:
        demand(request, "control")

        def look(reader: Reader) -> list[wire.Course]:
            found: dict[tuple[str, str], wire.Course] = {}
            for it in reader.recent(COURSES_OF):
                details = Details(
                    course=it.course, lecturer=it.lecturer, language=it.language, licence=it.licence
                )
                if it.course or it.lecturer:
                    course = wire.Course(details=details, last_utc=it.started_utc)
                    found.setdefault((it.course, it.lecturer), course)
            return list(found.values())[:MOST_COURSES]

        return document(wire.Courses(courses=await self._panel.hub.read(look)))

    async def listen(self, request: Request) -> Response:
        demand(request, "control")
        lecture, hub = request.path_params["lecture"], self._panel.hub
        saved = hub.state.saved
        tracks = [s.track for s in hub.state.sources if s.role == "microphone"]
        if saved is None or saved.lecture != lecture or not tracks:
            raise Refused(404, "no-sound", "only the lecture that was just saved can be heard here")
        async with self._panel.reading:
            files = await asyncio.to_thread(files_of, self._panel.spool, lecture, tracks[0])
            try:
                sound = await asyncio.to_thread(ten_seconds, files)
            except NoSound as error:
                raise Refused(404, "no-sound", str(error)) from None
        return Response(sound, media_type="audio/wav", headers={"cache-control": "no-store"})

    async def it(self, request: Request) -> Response:
        demand(request, "it")
        hub = self._panel.hub
        shown = await hub.look()
        assert hub.reading is not None
        tests, events = await hub.read(lambda reader: (reader.tests(), reader.events()))
        total = await asyncio.to_thread(total_bytes, self._panel.spool.root)
        addresses = self._panel.addresses()
        return document(it_page(hub.reading, shown, total, addresses, tests, events))

    async def schema(self, request: Request) -> Response:
        return JSONResponse(schema_of_all())
