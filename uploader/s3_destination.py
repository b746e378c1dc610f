"""An S3 store as destination (Amazon, Ceph, SeaweedFS, MinIO …).

    <prefix><lecture>/<sha256>/<name>                 the file
    <prefix><lecture>/<sha256>/<name>.receipt.json    written last: the store's proof was checked
    <prefix><lecture>/<sha256>/<name>.receipt.jws     the platform's, signed; where it is wanted

The first is worth something as long as the object has the ETag that stands in it. With `terms` the
second alone makes a file count as delivered: many may write to a bucket, few hold that key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from uploader import receipts
from uploader import s3_wire as wire
from uploader.bodies import Comparison, Source
from uploader.exchange import (
    Answer,
    Core,
    Lost,
    Memory,
    Request,
    Response,
    T,
    drive,
    good,
    refusal,
)
from uploader.http import Http
from uploader.s3 import Door, Promises, Upload, look, one
from uploader.sender import Artifact, Pending, Permanent, Phase, Progress, Receipt, Transient
from uploader.signing import Worthless
from uploader.sigv4 import Key, signed, skew

RECEIPT = ".receipt.json"
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
    ) -> None:
        self._exchange = exchange
        self._terms = terms
        self._door = door
        self._key = key
        self._memory = memory
        self._promises = Promises()
        self._comparison = Comparison(wire.pieces, wire.summed)
        self._agent = agent
        self._utc = utc

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
            return (yield from self._proven(door, artifact))
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
        if (yield from self._proven(door, artifact)) is not None:
            raise Pending(f"{artifact.name} is in the store; the platform's receipt {why}")
        return None

    def _proven(self, door: Door, artifact: Artifact) -> Core[Receipt | None]:
        """Our own receipt, if it is there and the object is still the one that it is for."""
        text = yield from _beside(door, RECEIPT)
        stored = None if text is None else receipts.stored(text, artifact)
        if stored is None:
            return None
        held = yield from look(door)
        same = held is not None and (held.bytes, held.etag) == (artifact.bytes, stored.get("etag"))
        return stored if same else None

    def _send(
        self, lecture: str, artifact: Artifact, path: Path, progress: Progress
    ) -> Core[Receipt]:
        known = yield from self._held(lecture, artifact)  # another sender may have been faster
        if known is not None:
            return known
        parts = self._comparison.of(path, artifact, progress)
        door = self._door(lecture, artifact)
        key = self._key(lecture, artifact)
        upload = Upload(door, key, lecture, artifact, parts, self._memory, self._promises)
        held = yield from upload.run()
        receipt = receipts.own(lecture, artifact, "verified", self._utc(), self._agent)
        receipt |= {"etag": held.etag, **({"version": held.version} if held.version else {})}
        data = json.dumps(receipt, indent=2).encode()
        answer = yield from one(door, wire.put_beside(RECEIPT, data, "application/json"))
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


def _beside(door: Door, suffix: str) -> Core[bytes | None]:
    """The small object beside the object; None: there is none. Raises SendError."""
    answer = yield from one(door, wire.get_beside(suffix))
    if not isinstance(answer, Lost) and answer.status == 404:
        return None
    return good(answer, "asking for the receipt").body


def _silent(_phase: Phase, _done: int) -> None:
    """Whoever asks for a receipt waits for small answers only."""
