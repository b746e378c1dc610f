"""The panel's process: one loop, two doors (an address and a socket in the runtime folder).

Ends on SIGTERM and SIGINT. Tells systemd that it is well after each look at the room.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from edge_agent import asking
from edge_agent.clock import SystemClock
from edge_agent.config import Config
from edge_agent.config_panel import Panel
from edge_agent.locks import only_one
from edge_agent.panel import app, checking
from edge_agent.panel.addresses import addresses
from edge_agent.panel.buttons import Buttons
from edge_agent.panel.gate import Gate
from edge_agent.panel.hub import Hub, Telling
from edge_agent.panel.picture import Wishes
from edge_agent.panel.reading import Reader
from edge_agent.panel.sessions import Sessions
from edge_agent.panel.state import Room
from edge_agent.rules import space
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from edge_agent.systemd import notify
from uploader.sender import Transient

#: A page needs a handful of connections; more than all rooms' tablets have together.
MOST_CONNECTIONS = 100
#: A request's head; cookies and all.
MOST_HEAD = 16 * 1024
#: The longest message that a browser has for us is a few dozen bytes.
MOST_MESSAGE = 1024


class PortTaken(Exception):
    """Another program listens there, or the address is none of this PC's."""


class _Server(uvicorn.Server):
    """Signals are ours: there are two servers in one loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(config: Config, secrets: Secrets, figures: Telling, options: Sequence[str] = ()) -> None:
    """`figures`: what Prometheus is told. `options`: of the program, for the children that are
    programs of their own.

    Until told to stop. Raises AlreadyRunning, PortTaken, OSError."""
    spool, runtime = Spool(config.storage.spool), Runtime(config.storage.runtime)
    runtime.root.mkdir(parents=True, exist_ok=True, mode=0o750)
    with only_one(runtime.panel_lock, "panel"):
        door = _listen(config.panel)
        side = _socket(runtime.panel_socket)
        try:
            asyncio.run(_serve(config, spool, runtime, secrets, figures, [door, side], options))
        finally:
            notify("STOPPING=1")
            runtime.panel_socket.unlink(missing_ok=True)


async def _serve(
    config: Config,
    spool: Spool,
    runtime: Runtime,
    secrets: Secrets,
    figures: Telling,
    doors: list[socket.socket],
    options: Sequence[str],
) -> None:
    sessions = Sessions(spool.panel, time.monotonic)
    sessions.load()
    panel = build(config, spool, runtime, secrets, figures, sessions, options)
    inner = app.application(panel)
    hosts = [*config.panel.hosts, socket.gethostname()]
    servers = [_server(Gate(inner, sessions, hosts, trusted=trusted)) for trusted in (False, True)]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    looking = asyncio.create_task(panel.hub.run())
    looking.add_done_callback(lambda _: stop())
    notify("READY=1")
    try:
        await asyncio.gather(
            *(server.serve([door]) for server, door in zip(servers, doors, strict=True))
        )
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        panel.buttons.close()
        panel.hub.close()


def build(
    config: Config,
    spool: Spool,
    runtime: Runtime,
    secrets: Secrets,
    figures: Telling,
    sessions: Sessions,
    options: Sequence[str] = (),
) -> app.Panel:
    """The pieces; call it in the loop that will use them."""
    clock = SystemClock()

    def ask(verb: str, args: object, key: str) -> dict[str, object]:
        assert isinstance(args, dict)
        return asking.ask_agent(
            spool, runtime, clock, verb, args, key=f"panel-{key}", origin="panel"
        )

    hub = Hub(Reader(spool, runtime, clock), runtime, wishes(config), _heartbeat())
    return app.Panel(
        hub=hub,
        buttons=Buttons(hub, ask),
        sessions=sessions,
        spool=spool,
        pin=lambda: _stored(config.panel.pin, secrets),
        metrics_token=lambda: _stored(config.panel.metrics_token, secrets),
        figures=figures,
        addresses=lambda: addresses(config.panel),
        doctor=checking.command(list(options)),
        checking=asyncio.Lock(),
        reading=asyncio.Lock(),
    )


def wishes(config: Config) -> Wishes:
    panel = config.panel
    rates = {
        name: track.audio_kbps if track.media == "audio" else track.max_kbps or space.VIDEO_KBPS
        for name, track in config.tracks.items()
    }
    return Wishes(
        room=Room(
            name=config.room.name,
            institution=config.room.institution,
            languages=panel.languages,
            language=panel.language,
            digits=panel.digits,
            phone=panel.phone,
            help_text=panel.help_text,
            help_url=panel.help_url,
        ),
        least_free=config.storage.least_free_mib * 1024 * 1024,
        kbps=rates,
        pin_set=panel.pin is not None,
        hearing=config.guards.hearing,
    )


def _stored(credential: str | None, secrets: Secrets) -> str | None:
    """One that cannot be read is none, so nobody comes in by it."""
    if credential is None:
        return None
    try:
        return secrets.read(credential)
    except Transient:
        return None


def _heartbeat() -> Callable[[], object]:
    return lambda: notify("WATCHDOG=1")


def _server(inner: Gate) -> _Server:
    return _Server(
        uvicorn.Config(
            inner,
            http="h11",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=MOST_MESSAGE,
            ws_ping_interval=None,  # both sides send words of their own
            proxy_headers=False,  # else anybody on this PC could claim another address
            server_header=False,
            access_log=False,
            log_level="warning",
            lifespan="off",
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=MOST_HEAD,
            timeout_graceful_shutdown=3,
        )
    )


def _listen(panel: Panel) -> socket.socket:
    family = socket.AF_INET6 if ":" in panel.listen else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((panel.listen, panel.port))
    except OSError as error:
        door.close()
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise PortTaken(f"{panel.listen} port {panel.port}: {error.strerror}") from None
    return door


def _socket(path: Path) -> socket.socket:
    """For who may enter the runtime folder. A socket that is left over belongs to nobody."""
    path.unlink(missing_ok=True)
    side = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o117)
    try:
        side.bind(str(path))
    finally:
        os.umask(before)
    return side
