"""An S3 store as destination (Amazon, Ceph, SeaweedFS, MinIO …).

    <prefix><lecture>/<sha256>/<name>                 the file
    <prefix><lecture>/<sha256>/<name>.receipt.json    written last: the store's proof was checked
    <prefix><lecture>/<sha256>/<name>.receipt.jws     the platform's, signed; where it is wanted

With `pieces` a larger file comes as many small objects instead: see `uploader.s3_pieces`.

The receipt of ours is worth something as long as the object has the ETag that stands in it. With
`terms` the platform's alone makes a file count as delivered: many may write to a bucket, few hold
that key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from uploader import receipts, s3_pieces
from uploader import s3_wire as wire
from uploader.bodies import Comparison, Source
from uploader.exchange import (
    Answer,
    Core,
    Lost,
    Memory,
    Piece,
    Request,
    Response,
    T,
    drive,
    good,
    refusal,
)
from uploader.http import Http
from uploader.s3 import Door, Promises, Upload, look, one
from uploader.s3_pieces import Pieces
from uploader.s3_wire import Sum
from uploader.sender import Artifact, Pending, Permanent, Phase, Progress, Receipt, Transient
from uploader.signing import Worthless
from uploader.sigv4 import Key, signed, skew

PLATFORMS_RECEIPT = ".receipt.jws"
#: A store refuses what was signed 15 minutes off its own time; its time is taken over long before.
SKEW_S = 60.0


class Exchange(Protocol):
    """What performs requests: `uploader.http.Http`, `Signing`, `TwoHosts`."""

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Signer:
    """Signs by the store's time, which it hears with every answer. `now` is this PC's UTC."""

    key: Callable[[], Key]
    now: Callable[[], datetime]
    _ahead: timedelta = field(default=timedelta(0), init=False)

    def sign(self, request: Request) -> Request:
        return signed(request, self.key(), self.now() + self._ahead)

    def heard(self, answer: Answer) -> bool:
        """True: the time that we sign by was off and is right now."""
        seconds = skew(answer, self.now() + self._ahead) if isinstance(answer, Response) else None
        if seconds is None or abs(seconds) < SKEW_S:
            return False
        self._ahead += timedelta(seconds=seconds)
        return True


@dataclass(frozen=True, slots=True)
class Signing:
    """Requests signed with an access key; `http` dresses them with `signer.sign`."""

    http: Http
    signer: Signer

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        answer = self.http.exchange(request, source, progress)
        refused = isinstance(answer, Response) and answer.status == 403
        if self.signer.heard(answer) and refused:
            return self.http.exchange(request, source, progress)
        return answer

    def close(self) -> None:
        self.http.close()


@dataclass(frozen=True, slots=True)
class TwoHosts:
    """Tickets from one host, which alone hears the credential; everything else to the store."""

    office: Http
    office_url: str
    store: Http

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        http = self.office if request.url == self.office_url else self.store
        return http.exchange(request, source, progress)

    def close(self) -> None:
        self.office.close()
        self.store.close()


class S3Destination:
    """See the module's text. `door` makes the door for one file, `utc` the time in a receipt."""

    def __init__(
        self,
        exchange: Exchange,
        door: Callable[[str, Artifact], Door],
        key: Callable[[str, Artifact], str],
        memory: Memory,
        agent: str,
        utc: Callable[[], str],
        terms: receipts.Terms | None = None,
        *,
        pieces: int | None = None,
    ) -> None:
        """`pieces`: files of more bytes than this are laid down in pieces of so many."""
        self._exchange = exchange
        self._terms = terms
        self._door = door
        self._key = key
        self._memory = memory
        self._promises = Promises()
        self._pieces = pieces
        self._comparison = Comparison(self._cut, wire.summed)
        self._agent = agent
        self._utc = utc

    def _cut(self, size: int) -> list[Piece]:
        return wire.divided(size, self._pieces) if self._pieces else wire.pieces(size)

    def close(self) -> None:
        """Ends the connections; the next call opens new ones."""
        self._exchange.close()

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self._run(self._held(lecture, artifact), None, _silent)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if Path(artifact.name).name != artifact.name:
            raise Permanent(f"{artifact.name!r} is not a file name")
        return self._run(self._send(lecture, artifact, path, progress), path, progress)

    def _run(self, core: Core[T], path: Path | None, progress: Progress) -> T:
        with Source(path) as source:
            return drive(core, lambda request: self._exchange.exchange(request, source, progress))

    def _held(self, lecture: str, artifact: Artifact) -> Core[Receipt | None]:
        door = self._door(lecture, artifact)
        if self._terms is None:
            return (yield from self._proven(door, lecture, artifact))
        why = "is not there yet"
        try:
            text = yield from _beside(door, PLATFORMS_RECEIPT)
            if text is not None:
                found = receipts.judged(text, lecture, artifact, self._terms)
                if found is not None:
                    return found
        except Worthless as error:
            why = error.reason
        except receipts.Damaged:
            why = "speaks of other bytes; ask those who run the platform"
        if (yield from self._proven(door, lecture, artifact)) is not None:
            raise Pending(f"{artifact.name} is in the store; the platform's receipt {why}")
        return None

    def _proven(self, door: Door, lecture: str, artifact: Artifact) -> Core[Receipt | None]:
        """Our own receipt, if it is there and what it is for still is, in one or in pieces."""
        text = yield from _beside(door, wire.RECEIPT)
        stored = None if text is None else receipts.stored(text, artifact)
        if stored is None:
            return None
        held = yield from look(door)
        in_pieces = "pieces" in stored
        if in_pieces and held is None:  # nobody has joined them yet
            there = yield from s3_pieces.held(door, self._key(lecture, artifact))
            return stored if sum(size for size, _ in there.values()) == artifact.bytes else None
        if held is None or held.bytes != artifact.bytes:
            return None
        return stored if in_pieces or held.etag == stored.get("etag") else None

    def _send(
        self, lecture: str, artifact: Artifact, path: Path, progress: Progress
    ) -> Core[Receipt]:
        known = yield from self._held(lecture, artifact)  # another sender may have been faster
        if known is not None:
            return known
        parts = self._comparison.of(path, artifact, progress)
        door = self._door(lecture, artifact)
        receipt = receipts.own(lecture, artifact, "verified", self._utc(), self._agent)
        receipt |= yield from self._bring(door, lecture, artifact, parts)
        data = json.dumps(receipt, indent=2).encode()
        answer = yield from one(door, wire.put_beside(wire.RECEIPT, data, "application/json"))
        if isinstance(answer, Lost):
            raise Transient(answer.reason, progressed=True)
        if not answer.ok:
            raise refusal(answer, "leaving the receipt")
        if self._terms is None:
            return receipt
        found = yield from self._held(lecture, artifact)
        if found is None:
            raise Transient(f"the store has lost {artifact.name}; ask those who run the store")
        return found

    def _bring(
        self, door: Door, lecture: str, artifact: Artifact, parts: Sequence[Sum]
    ) -> Core[dict[str, Any]]:
        """What there is to be told of the object in its receipt."""
        key = self._key(lecture, artifact)
        if self._pieces and len(parts) > 1:
            yield from Pieces(door, key, artifact, parts, self._promises).run()
            return {"pieces": len(parts), "piece_bytes": self._pieces}
        upload = Upload(door, key, lecture, artifact, parts, self._memory, self._promises)
        held = yield from upload.run()
        return {"etag": held.etag, **({"version": held.version} if held.version else {})}


def _beside(door: Door, suffix: str) -> Core[bytes | None]:
    """The small object beside the object; None: there is none. Raises SendError."""
    answer = yield from one(door, wire.get_beside(suffix))
    if not isinstance(answer, Lost) and answer.status == 404:
        return None
    return good(answer, "asking for the receipt").body


def _silent(_phase: Phase, _done: int) -> None:
    """Whoever asks for a receipt waits for small answers only."""
