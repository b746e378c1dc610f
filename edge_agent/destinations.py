"""Destinations as configured: each with its way, its credential and its memory in the ledger."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from edge_agent import __version__
from edge_agent.clock import Clock
from edge_agent.config import (
    Config,
    FolderDestination,
    OpencastDestination,
    S3Destination,
    StickDestination,
    TusDestination,
)
from edge_agent.ledger import Ledger
from edge_agent.ledger_memory import LedgerMemory
from edge_agent.room_key import room_key
from edge_agent.secrets import Secrets
from edge_agent.spool import Spool
from edge_agent.upload_gate import Gate
from uploader import (
    folder,
    opencast_destination,
    opencast_notes,
    receipts,
    s3,
    s3_destination,
    s3_doors,
    stick,
    stick_files,
    tus_destination,
)
from uploader.exchange import Request
from uploader.http import Http, Patience
from uploader.keys import Key as ReceiptKey
from uploader.pacer import Pacer
from uploader.sender import Artifact, Destination, Transient
from uploader.sigv4 import Key
from uploader.tus import Server

AGENT = f"edge-agent {__version__}"
_USER_AGENT = f"edge-agent/{__version__}"
_PATIENCE = Patience()


class Pacing(Protocol):
    """What is told of each connection: `uploader.pacer.Pacer`."""

    def opened(self, sock: socket.socket) -> None: ...

    def tick(self, sock: socket.socket) -> None: ...


def destinations(
    config: Config, clock: Clock, ledger: Ledger, secrets: Secrets, gate: Gate
) -> dict[str, Destination]:
    """The configured destinations by name. Opens no connection and reads no secret yet."""

    def pacer() -> Pacer:
        polite = config.upload.mode == "polite"
        return Pacer(lambda: gate.limit().rate, lambda: polite, lambda: clock.mono_ns() / 1e9)

    def utc() -> str:
        return clock.now().utc_text

    made: dict[str, Destination] = {}
    for name, place in config.destinations.items():
        match place:
            case FolderDestination():
                made[name] = folder.FolderDestination(place.path, AGENT, utc)
            case TusDestination():
                made[name] = _tus(place, LedgerMemory(ledger, name), secrets, utc, pacer())
            case S3Destination():
                made[name] = _s3(place, LedgerMemory(ledger, name), secrets, clock, pacer())
            case OpencastDestination():
                made[name] = _opencast(place, LedgerMemory(ledger, name), secrets, utc, pacer())
            case StickDestination():
                made[name] = _stick(place, LedgerMemory(ledger, name), config, utc)
    return made


def whole(config: Config) -> frozenset[str]:
    """The destinations at which a file that is broken off begins anew."""
    places = config.destinations.items()
    return frozenset(name for name, place in places if isinstance(place, OpencastDestination))


def _tus(
    place: TusDestination,
    memory: LedgerMemory,
    secrets: Secrets,
    utc: Callable[[], str],
    pacer: Pacer,
) -> Destination:
    http, server = tus_way(place, secrets, utc, pacer)
    return tus_destination.TusDestination(http, server, memory, AGENT, utc)


def tus_way(
    place: TusDestination, secrets: Secrets, utc: Callable[[], str], pacer: Pacing
) -> tuple[Http, Server]:
    """How the server is reached, and what is known of it."""
    dress = authorization(place.auth, place.credential, secrets)
    http = _http(place.url, place.ca_file, dress, pacer)
    terms = _terms(place.receipt_keys, place.needs or "verified", utc)
    return http, Server(place.url, place.receipts_url, terms)


@dataclass(frozen=True, slots=True)
class S3Way:
    """How a store is reached, and what makes a file count there."""

    exchange: s3_destination.Exchange
    door: Callable[[str, Artifact], s3.Door]
    key: Callable[[str, Artifact], str]
    terms: receipts.Terms | None


def _s3(
    place: S3Destination, memory: LedgerMemory, secrets: Secrets, clock: Clock, pacer: Pacer
) -> Destination:
    def utc() -> str:
        return clock.now().utc_text

    way = s3_way(place, secrets, clock, pacer)
    made = s3_destination.S3Destination
    return made(way.exchange, way.door, way.key, memory, AGENT, utc, way.terms, pieces=place.pieces)


def s3_way(place: S3Destination, secrets: Secrets, clock: Clock, pacer: Pacing) -> S3Way:
    def key(lecture: str, artifact: Artifact) -> str:
        return s3_doors.object_key(place.prefix, lecture, artifact)

    def signed_door(lecture: str, artifact: Artifact) -> s3.Door:
        return s3_doors.SignedDoor(place.url, key(lecture, artifact))

    def ticket_door(lecture: str, artifact: Artifact) -> s3.Door:
        office = place.tickets_url or ""
        return s3_doors.TicketDoor(office, place.url, key(lecture, artifact), lecture, artifact)

    terms = None
    if place.receipt_keys is not None:
        needs = place.needs or "verified"
        terms = _terms(place.receipt_keys, needs, lambda: clock.now().utc_text)
    if place.tickets_url is None:
        signer = s3_destination.Signer(_access(place, secrets), lambda: clock.now().utc)
        http = _http(place.url, place.ca_file, signer.sign, pacer)
        return S3Way(s3_destination.Signing(http, signer), signed_door, key, terms)
    dress = authorization("bearer", place.credential, secrets)
    office = Http(place.tickets_url, ca_file=place.ca_file, dress=dress, agent=_USER_AGENT)
    store = _http(place.url, place.ca_file, lambda request: request, pacer)
    both = s3_destination.TwoHosts(office, place.tickets_url, store)
    return S3Way(both, ticket_door, key, terms)


def _opencast(
    place: OpencastDestination,
    memory: LedgerMemory,
    secrets: Secrets,
    utc: Callable[[], str],
    pacer: Pacer,
) -> Destination:
    exchange, server = opencast_way(place, secrets, pacer)
    made = opencast_destination.OpencastDestination
    event = memory.event
    return made(
        exchange, server, memory.expected, memory, AGENT, utc, needs=place.needs, event=event
    )


def opencast_way(
    place: OpencastDestination, secrets: Secrets, pacer: Pacing
) -> tuple[opencast_destination.Exchange, opencast_notes.Server]:
    """How the server is reached, and what is wanted of it."""

    def key() -> tuple[str, str]:
        user, colon, password = secrets.read(place.credential).partition(":")
        if not (user and colon and password):
            raise Transient(
                f"the credential {place.credential!r} must be a user, a colon and the password, "
                "on one line"
            )
        return user, password

    url = place.url.rstrip("/")
    exchange: opencast_destination.Exchange
    if place.auth == "digest":
        digester = opencast_destination.Digester(key)
        http = _http(url, place.ca_file, digester.dress, pacer, opencast_destination.PATIENCE)
        exchange = opencast_destination.Digesting(http, digester)
    else:
        dress = authorization("basic", place.credential, secrets)
        exchange = _http(url, place.ca_file, dress, pacer, opencast_destination.PATIENCE)
    server = opencast_notes.Server(url, place.workflow, place.settings, place.series, place.flavors)
    return exchange, server


def _stick(
    place: StickDestination, memory: LedgerMemory, config: Config, utc: Callable[[], str]
) -> Destination:
    def room() -> stick_files.Room:
        key = room_key(Spool(config.storage.spool).key)
        return stick_files.Room(config.room.name, key, AGENT)

    def about(lecture: str) -> str:
        found = memory.ledger.lecture(lecture)
        if found is None:
            return lecture
        title = ", ".join(filter(None, (found.title, found.lecturer, found.course)))
        return f"{found.started_utc[:16].replace('T', ' ')} UTC  {title}".rstrip()

    terms = _terms(place.receipt_keys, place.needs or "verified", utc)
    lost_after = timedelta(days=place.lost_after_days)
    made = stick.StickDestination
    return made(place.path, room, terms, memory, about=about, lost_after=lost_after)


def _terms(keys: Iterable[str] | None, needs: str, utc: Callable[[], str]) -> receipts.Terms:
    return receipts.Terms(needs, tuple(map(ReceiptKey.of, keys or ())), utc)


def _http(
    url: str,
    ca_file: Path | None,
    dress: Callable[[Request], Request],
    pacer: Pacing,
    patience: Patience = _PATIENCE,
) -> Http:
    return Http(
        url,
        ca_file=ca_file,
        dress=dress,
        opened=pacer.opened,
        tick=pacer.tick,
        patience=patience,
        agent=_USER_AGENT,
    )


def _access(place: S3Destination, secrets: Secrets) -> Callable[[], Key]:
    """Read when a request leaves, as every credential."""

    def read() -> Key:
        access, colon, secret = secrets.read(place.credential).partition(":")
        if not (access and colon and secret):
            raise Transient(
                f"the credential {place.credential!r} must be an access key, a colon and its "
                "secret key, on one line"
            )
        return Key(access, secret, place.region)

    return read


def authorization(
    auth: str, credential: str | None, secrets: Secrets
) -> Callable[[Request], Request]:
    """What gives each request its Authorization header; nothing without a credential."""

    def dress(request: Request) -> Request:
        if credential is None:
            return request
        secret = secrets.read(credential)
        if auth == "basic":
            secret = base64.b64encode(secret.encode()).decode()
        headers = {**request.headers, "Authorization": f"{auth.capitalize()} {secret}"}
        return replace(request, headers=headers)

    return dress
