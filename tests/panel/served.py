"""The panel's server over a room that a test writes by hand: its lock, status and ledger."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from edge_agent.clock import SystemClock
from edge_agent.commands.metrics_room import telling
from edge_agent.config import Config, Storage
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.panel import app
from edge_agent.panel.buttons import Buttons
from edge_agent.panel.gate import Gate
from edge_agent.panel.hub import Hub
from edge_agent.panel.picture import Wishes
from edge_agent.panel.reading import Reader
from edge_agent.panel.sessions import Sessions, hash_pin
from edge_agent.panel.state import Room
from edge_agent.spool import Runtime, Spool

PIN = "271828"
LECTURE = "0193a1b2-0000-7000-8000-000000000001"


class HandMade:
    """A room whose agent is this test. `answers` are given in turn; then all goes well."""

    def __init__(self, root: Path) -> None:
        self.spool, self.runtime = Spool(root / "spool"), Runtime(root / "run")
        for folder in (self.spool.root, self.runtime.root):
            folder.mkdir()
        self.ledger = Ledger.create(self.spool.ledger)
        self.pin: str | None = _hashed(PIN)
        self.metrics_token: str | None = None
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.answers: list[dict[str, Any] | Exception] = []
        self.now_s = 0.0
        #: What is run as the doctor.
        self.doctor = ["false"]
        self.sessions = Sessions(self.spool.panel, lambda: self.now_s)

    def ask(self, verb: str, args: Mapping[str, Any], key: str) -> dict[str, Any]:
        self.asked.append((verb, dict(args), key))
        answer = self.answers.pop(0) if self.answers else {"lecture": LECTURE}
        if isinstance(answer, Exception):
            raise answer
        return answer

    def say(self, **changes: Any) -> None:
        """Write the status of an idle room, with these changes."""
        now = SystemClock().now()
        status = {
            "boot": now.boot,
            "mono_ns": time.monotonic_ns(),
            "muted": False,
            "tracks": {"camera": track("video"), "microphone": track("audio")},
            "finishing": None,
            "spool": {"free_bytes": 1 << 40, "trouble": ""},
        }
        fresh = self.runtime.status.with_suffix(".new")
        fresh.write_text(json.dumps(status | changes))
        fresh.replace(self.runtime.status)  # as the agent does: nobody reads half of it

    @contextmanager
    def alive(self) -> Iterator[None]:
        """While the agent lives."""
        with only_one(self.runtime.agent_lock, "agent"):
            self.say()
            yield

    def panel(self) -> app.Panel:
        hub = Hub(
            Reader(self.spool, self.runtime, SystemClock()),
            self.runtime,
            Wishes(Room(name="B-204"), least_free=0, pin_set=True),
        )
        storage = Storage(spool=self.spool.root, runtime=self.runtime.root)
        return app.Panel(
            hub=hub,
            buttons=Buttons(hub, self.ask),
            sessions=self.sessions,
            spool=self.spool,
            pin=lambda: self.pin,
            metrics_token=lambda: self.metrics_token,
            figures=telling(Config(storage=storage)),
            addresses=lambda: ["http://room-b204:8025"],
            doctor=self.doctor,
            checking=asyncio.Lock(),
            reading=asyncio.Lock(),
        )

    @contextmanager
    def client(self, peer: str = "127.0.0.1", *, socket: bool = False) -> Iterator[TestClient]:
        """A browser at this address (or a program at the socket)."""
        panel = self.panel()
        inner = app.application(panel)
        gate = Gate(inner, self.sessions, ["room-b204"], trusted=socket)
        try:
            with TestClient(gate, "http://127.0.0.1:8025", client=(peer, 50_000)) as client:
                assert client.portal is not None
                looking = client.portal.start_task_soon(panel.hub.run)
                try:
                    yield client
                finally:
                    looking.cancel()
        finally:
            panel.buttons.close()
            panel.hub.close()


@functools.cache
def _hashed(pin: str) -> str:
    """Slow on purpose; once is enough here."""
    return hash_pin(pin)


def track(media: str, **changes: Any) -> dict[str, Any]:
    """A track of an idle room."""
    sound = {"speaking": False, "short_term": -70.0, "momentary": -70.0, "integrated": -70.0}
    return {
        "phase": "armed",
        "media": media,
        "flavor": "presenter/source",
        "kind": "synthetic",
        "device": "",
        "description": f"test {media}",
        "width": 640 if media == "video" else 0,
        "height": 360 if media == "video" else 0,
        "fps": 25.0,
        "codec": "",
        "encoder": "",
        "durable_s": None,
        "dropped": 0,
        "backlog": 0.0,
        "peak": None,
        "rms": None,
        "sound": {**sound, "clipped": 0.0, "tonal": False, "drift_ppm": None}
        if media == "audio"
        else None,
        "given_up": "",
        "warning": "",
        "notice": "",
        "cause": "",
        "reason": "",
        "hint": "",
        "restarts": 0,
        "preview": "/x" if media == "video" else "",
    } | changes
