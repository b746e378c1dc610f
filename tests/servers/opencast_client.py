"""Our way to the strict Opencast: over HTTP to its process, or straight to its answers."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.servers.opencast import API_ROLES, Opencast
from tests.servers.opencast_login import PASSWORD, USER
from tests.servers.opencast_notes import Heard
from tests.servers.running import OnPort
from tests.servers.tus import FileNotes
from uploader.bodies import Source
from uploader.exchange import Answer, Lost, Request, Response, portal
from uploader.http import Http, Patience
from uploader.opencast_destination import Digester, Digesting, OpencastDestination
from uploader.opencast_notes import Server
from uploader.sender import Progress


def client(
    base: str,
    notes: Path,
    utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z",
    *,
    expected: Collection[str] = (),
    needs: str = "verified",
    auth: str = "basic",
) -> OpencastDestination:
    """A destination at the process."""
    digester = Digester(lambda: (USER, PASSWORD))
    http = Http(
        base, dress=digester.dress if auth == "digest" else basic, patience=Patience(5, 5, 6)
    )
    exchange = Digesting(http, digester) if auth == "digest" else http
    memory = FileNotes(notes)
    return OpencastDestination(
        exchange, Server(base), lambda _lecture: expected, memory, "test", utc, needs=needs
    )


def basic(request: Request) -> Request:
    word = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return replace(request, headers={**request.headers, "Authorization": f"Basic {word}"})


class Running(OnPort):
    """The strict Opencast as a process; `folder` outlives a kill."""

    def __init__(self, home: Path, **wishes: Any) -> None:
        super().__init__(home / "opencast.log")
        self.folder = home / "opencast"
        self.folder.mkdir()
        #: The same state, looked at from here.
        self.inside = Opencast(self.folder, self.base)
        self.inside.wish(**{"roles": API_ROLES, **wishes})

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.servers.opencast", str(self.folder), str(self.port)]


@dataclass
class Straight:
    """Answers without a network. `tick` is called before and after each, and may raise."""

    opencast: Opencast
    tick: Callable[[], None] = lambda: None
    dress: Callable[[Request], Request] = lambda request: basic(request)
    asked: list[str] = field(default_factory=list)
    sent: int = 0

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        self.tick()
        self.asked.append(f"{request.method} {request.url.removeprefix(self.opencast.base)}")
        body = bytearray()
        while len(body) < request.length:
            body += source.block(request.body, len(body), 1 << 20)
        self.sent += len(body)
        headers = {k.lower(): v for k, v in self.dress(request).headers.items()}
        said = self.opencast.answer(Heard(request.method, request.url, headers, bytes(body)))
        self.tick()
        if said.lost:
            return Lost("the connection was cut", len(body))
        names: Mapping[str, str] = {**said.headers, "content-type": said.kind}
        answer = Response(said.status, {k.lower(): v for k, v in names.items()}, said.body)
        words = portal(answer)
        return Lost(words) if words else answer

    def close(self) -> None:
        """Nothing is open."""


def straight(
    exchange: Any,
    memory: Any,
    expected: Collection[str],
    *,
    needs: str = "received",
    server: Server | None = None,
    utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z",
) -> OpencastDestination:
    return OpencastDestination(
        exchange,
        server or Server(exchange.opencast.base),
        lambda _lecture: expected,
        memory,
        "test",
        utc,
        needs=needs,
    )
