"""A destination tried out: what it really keeps of what it promises, before lectures depend on it.

Sends a small file of its own, over the same way as lectures, and takes it away where it may.
"""

from __future__ import annotations

import hashlib
import os
import secrets as chance
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from edge_agent.clock import Clock
from edge_agent.config import (
    FolderDestination,
    OpencastDestination,
    S3Destination,
    StickDestination,
    TusDestination,
)
from edge_agent.config_destinations import DestinationConfig
from edge_agent.destinations import opencast_way, s3_way, tus_way
from edge_agent.secrets import Secrets
from uploader import probe
from uploader.bodies import Source
from uploader.exchange import Answer, Core, Request, Response, drive
from uploader.probe import NAME, TEST_BYTES, Finding, Verdict, broken, kept
from uploader.probe_folder import probe_folder
from uploader.probe_opencast import OpencastProbe
from uploader.probe_s3 import S3Probe
from uploader.probe_tus import TusProbe
from uploader.sender import Artifact, Phase, Progress, SendError
from uploader.sigv4 import skew
from uploader.stick_files import find

#: So long the platform has for its receipt.
RECEIPT_S = 15.0
#: A certificate that ends sooner is told.
CERTIFICATE_DAYS = 14
#: A clock that is further off gives lectures a wrong time.
CLOCK_S = 60.0
_DAY_S = 24 * 3600


class _Exchange(Protocol):
    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer: ...

    def close(self) -> None: ...


class _Probe(Protocol):
    def exchange(self) -> Core[list[Finding]]: ...

    def receipt(self) -> Core[list[Finding]]: ...

    def tidy(self) -> Core[list[Finding]]: ...


@dataclass
class Watcher:
    """Sees the certificate and hears the clock of the other side."""

    now: Callable[[], datetime]
    certificate_until: float | None = field(default=None, init=False)
    ahead_s: float | None = field(default=None, init=False)

    def opened(self, sock: socket.socket) -> None:
        if isinstance(sock, ssl.SSLSocket) and (found := sock.getpeercert()):
            until = found.get("notAfter")
            if isinstance(until, str):
                self.certificate_until = ssl.cert_time_to_seconds(until)

    def tick(self, sock: socket.socket) -> None:
        """Nothing is paced here."""

    def heard(self, answer: Answer) -> Answer:
        if isinstance(answer, Response) and self.ahead_s is None:
            self.ahead_s = skew(answer, self.now())
        return answer

    def findings(self, url: str) -> list[Finding]:
        return [*self._tls(url), *self._clock()]

    def _tls(self, url: str) -> list[Finding]:
        if not url.startswith("https:"):
            return [probe.absent("tls", "no TLS: it is this computer itself")]
        if self.certificate_until is None:
            return []
        days = (self.certificate_until - self.now().timestamp()) / _DAY_S
        words = f"the certificate is trusted, and valid for {days:.0f} more days"
        return [kept("tls", words) if days > CERTIFICATE_DAYS else broken("expiry", words)]

    def _clock(self) -> list[Finding]:
        if self.ahead_s is None:
            return [Finding("clock", Verdict.UNKNOWN, "it does not tell its time")]
        if abs(self.ahead_s) < CLOCK_S:
            return [kept("clock", "this PC's clock and the other side's agree")]
        words = f"this PC's clock is {abs(self.ahead_s) / 60:.0f} minutes off the other side's"
        return [broken("clock", f"{words}; set it with: sudo timedatectl set-ntp true")]


def trial(
    place: DestinationConfig,
    secrets: Secrets,
    clock: Clock,
    *,
    patience_s: float = RECEIPT_S,
    pause: Callable[[float], None] = time.sleep,
) -> list[Finding]:
    """All that can be found out. Never raises for what the destination does."""
    match place:
        case FolderDestination():
            return probe_folder(place.path)
        case StickDestination():
            return _sticks(place.path)
    lecture, data = f"edge-agent-test-{chance.token_hex(8)}", os.urandom(TEST_BYTES)
    artifact = Artifact(NAME, len(data), hashlib.sha256(data).hexdigest())
    watcher = Watcher(lambda: clock.now().utc)
    waits = False
    made: _Probe
    exchange: _Exchange
    match place:
        case TusDestination():
            exchange, server = tus_way(place, secrets, lambda: clock.now().utc_text, watcher)
            made, waits = TusProbe(server, lecture, artifact), server.receipts_url is not None
        case S3Destination():
            way = s3_way(place, secrets, clock, watcher)
            key, waits = way.key(lecture, artifact), way.terms is not None
            door = way.door(lecture, artifact)
            exchange = way.exchange
            pieces = place.pieces is not None
            made = S3Probe(door, key, lecture, artifact, data, way.terms, pieces=pieces)
        case OpencastDestination():
            exchange, opencast = opencast_way(place, secrets, watcher)
            made = OpencastProbe(opencast, lecture, artifact, proof=place.needs == "verified")
    with tempfile.TemporaryDirectory() as folder, closing(exchange):
        file = Path(folder) / NAME
        file.write_bytes(data)

        def run(core: Core[list[Finding]]) -> list[Finding]:
            with Source(file) as source:
                return drive(
                    core, lambda request: watcher.heard(exchange.exchange(request, source, _silent))
                )

        try:
            found = _tried(made, run, waits, patience_s, pause)
        except SendError as error:
            found = [broken("credential", error.reason)]
    return [*watcher.findings(place.url), *found]


def _tried(
    made: _Probe,
    run: Callable[[Core[list[Finding]]], list[Finding]],
    waits: bool,
    patience_s: float,
    pause: Callable[[float], None],
) -> list[Finding]:
    found = run(made.exchange())
    arrived = any(each.promise == "takes files" and each.verdict is Verdict.KEPT for each in found)
    if arrived:
        receipt = run(made.receipt())
        for _ in range(round(patience_s) if waits else 0):
            if receipt:
                break
            pause(1.0)
            receipt = run(made.receipt())
        found += receipt or probe.no_receipt(waits)
    return found + run(made.tidy())


def _sticks(folder: Path) -> list[Finding]:
    found = [each for root in find(folder) for each in probe_folder(root, divides=True)]
    words = f"no prepared stick is in {folder}; prepare one: edge-agent upload stick prepare FOLDER"
    return found or [broken("reachable", words)]


def _silent(_phase: Phase, _done: int) -> None:
    """The file is small."""
