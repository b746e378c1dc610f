"""How calls become requests that the store accepts. Pure.

`SignedDoor`: this computer holds an access key; the signature is made when the request leaves.
`TicketDoor`: the platform's ticket office signs addresses for us, so that no room holds a secret
or needs a right clock. What is asked and answered: docs/platform.md, "Tickets".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from uploader.exchange import Core, Request, Response, good
from uploader.heard import document
from uploader.s3_wire import Call
from uploader.sender import Artifact, Transient
from uploader.sigv4 import canonical_query


def object_key(prefix: str, lecture: str, artifact: Artifact) -> str:
    """Contains the SHA-256: another content can never lie under it."""
    return f"{prefix}{lecture}/{artifact.sha256}/{artifact.name}"


@dataclass(frozen=True, slots=True)
class SignedDoor:
    """`url` is the bucket's address, with the bucket in the host or as the path."""

    url: str
    key: str
    batch: int = 1

    def requests(self, calls: Sequence[Call]) -> Core[list[Request]]:
        return [self._request(call) for call in calls]
        yield  # makes it a generator, one that asks nobody

    def _request(self, call: Call) -> Request:
        bucket = self.url.rstrip("/")
        name = quote(self.key + call.suffix, safe="/-._~")
        path = bucket if call.of_bucket else f"{bucket}/{name}"
        query = canonical_query(call.query.items())
        return Request(call.method, f"{path}?{query}" if query else path, call.headers, call.body)


@dataclass(frozen=True, slots=True)
class TicketDoor:
    """`office` is the address that gives tickets; they may only lead to the host of `store`."""

    office: str
    store: str
    key: str
    lecture: str
    artifact: Artifact
    batch: int = 50

    def requests(self, calls: Sequence[Call]) -> Core[list[Request]]:
        """Tickets are asked for in one request, shortly before they are used: they expire."""
        question = {
            "lecture": self.lecture,
            "name": self.artifact.name,
            "sha256": self.artifact.sha256,
            "bytes": self.artifact.bytes,
            "key": self.key,
            "calls": [_asked(call) for call in calls],
        }
        answer = yield Request(
            "POST",
            self.office,
            {"Content-Type": "application/json", "Accept": "application/json"},
            json.dumps(question).encode(),
        )
        leave = good(answer, "asking the platform for leave to send")
        tickets = _tickets(leave, len(calls))
        return [self._request(call, t) for call, t in zip(calls, tickets, strict=True)]

    def _request(self, call: Call, ticket: Mapping[str, Any]) -> Request:
        url, extra = ticket.get("url"), ticket.get("headers") or {}
        if not isinstance(url, str) or not isinstance(extra, dict):
            raise _useless("a ticket has no address")
        if _origin(url) != _origin(self.store):
            raise _useless(f"a ticket leads to {urlsplit(url).hostname}, which is not the store")
        added = {str(name): str(value) for name, value in extra.items()}
        return Request(call.method, url, {**call.headers, **added}, call.body)


def _asked(call: Call) -> dict[str, Any]:
    """Only what must be signed: S3 wants every x-amz- header in the signature."""
    signed = {n: v for n, v in call.headers.items() if n.lower() not in ("content-type", "range")}
    return {
        "operation": call.operation,
        "suffix": call.suffix,
        "method": call.method,
        "query": dict(call.query),
        "headers": signed,
    }


def _tickets(answer: Response, wanted: int) -> list[Mapping[str, Any]]:
    said = document(answer.body)
    if not isinstance(said, dict) or "tickets" not in said:
        raise _useless("it has no list of tickets")
    found = said["tickets"]
    if not isinstance(found, list) or len(found) != wanted:
        raise _useless(f"{wanted} tickets were asked for")
    if not all(isinstance(ticket, dict) for ticket in found):
        raise _useless("a ticket is not an object")
    return found


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname, parts.port)


def _useless(why: str) -> Transient:
    return Transient(
        f"the answer of the platform's ticket office is of no use: {why}; "
        "ask those who run the platform"
    )
