"""Sending one file to an S3 store: the protocol's core, without I/O (see `uploader.exchange`).

Truth is at the store. The file's key contains its SHA-256, so what is there is this file or damage.
A file of one part is put at once; a larger one as a multipart upload that is found again by the
remembered id, or by asking the store, and of which every part is asked for before one is sent. An
object counts as held when its ETag is the MD5 of our bytes, or its SHA-256 theirs at a store that
refuses wrong ones (some repeat what they were told), or else after it was read back whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from uploader import s3_wire as wire
from uploader.exchange import Answer, Core, Lost, Memory, Request, Response, T, good, refusal
from uploader.heard import count
from uploader.s3_wire import Call, Sum
from uploader.sender import Artifact, Transient
from uploader.sizing import Sizing, advice

#: An upload that vanishes, or a part that arrives damaged, is tried again this often in one go.
TRIES = 3
#: Bytes that are read back in one request.
READ_BACK = 1 << 20


class Door(Protocol):
    """How calls become requests that the store accepts: signed by us, or by a ticket office."""

    @property
    def batch(self) -> int:
        """So many calls are prepared at once."""

    def requests(self, calls: Sequence[Call]) -> Core[list[Request]]:
        """One request for each call. Raises SendError."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store says about the object: its size, its ETag, its SHA-256 and version if any."""

    bytes: int
    etag: str
    checksum: str
    version: str


@dataclass(slots=True)
class Promises:
    """What this store is known to keep. Learnt from its answers, so that it is asked for once.

    `sizing`: how fast the way to it is, and how often it is cut.
    """

    conditions: bool = True
    #: It refuses bytes with a wrong SHA-256; None: not tried yet.
    checks: bool | None = None
    sizing: Sizing = field(default_factory=Sizing)


class _Again(Exception):
    """The upload is gone: begin another."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way, in the parts that `s3_wire.pieces` gives."""

    door: Door
    key: str
    lecture: str
    artifact: Artifact
    parts: Sequence[Sum]
    memory: Memory
    promises: Promises

    def run(self) -> Core[Held]:
        """Send what is missing; what the store holds then. Raises SendError."""
        held = yield from look(self.door)
        proven = held is not None and (yield from self._proven(held))
        for _ in range(TRIES):
            if held is not None and proven:
                self.memory.forget(self.lecture, self.artifact)
                return held
            try:
                # What lies there is damage: our own bytes may replace it.
                yield from self._send(held is None and self.promises.conditions)
            except _Again:
                continue
            held = yield from look(self.door)
            proven = held is not None and (yield from self._proven(held))
        raise Transient(
            "the store took the file, but what it holds is not what was sent; "
            "ask those who run the store"
        )

    def _send(self, only_new: bool) -> Core[None]:
        if len(self.parts) == 1:
            yield from self._put(only_new)
        else:
            yield from self._send_parts(only_new)

    def _put(self, only_new: bool) -> Core[None]:
        call = wire.put(self.parts[0], self.artifact.media_type, only_new=only_new)
        answer = yield from one(self.door, call)
        if isinstance(answer, Lost):
            raise Transient(answer.reason)
        if answer.ok or answer.status == 412:  # 412: it is there already; `run` looks
            return
        if only_new and wire.error_code(answer) in wire.NO_CONDITIONS:
            self.promises.conditions = False
            yield from self._put(only_new=False)
            return
        raise refusal(answer, f"putting {self.artifact.name}")

    # ------------------------------------------------------------ several parts

    def _send_parts(self, only_new: bool) -> Core[None]:
        upload, known = yield from self._upload()
        wanted = [
            (number, wire.put_part(upload, number, part))
            for number, part in enumerate(self.parts, 1)
            if known.get(number) != (part.piece.length, part.md5.hex())
        ]
        etags = {number: stored for number, (_, stored) in known.items()}
        for batch in batches(wanted, self.door.batch):
            requests = yield from self.door.requests([call for _, call in batch])
            for (number, call), request in zip(batch, requests, strict=True):
                etags[number] = yield from self._part(number, call, request)
        in_order = [etags[number] for number in range(1, len(self.parts) + 1)]
        yield from self._complete(upload, in_order, only_new)

    def _part(self, number: int, call: Call, request: Request) -> Core[str]:
        """Its ETag. Tried again when it arrived damaged, or when the ticket had expired."""
        what = f"part {number} of {self.artifact.name}"
        for last in (False, False, True):
            answer = yield request
            if isinstance(answer, Lost):
                raise Transient(self._cut(answer, request.length), progressed=number > 1)
            if answer.ok:
                sizing = self.promises.sizing
                self.promises.sizing = sizing.arrived(request.length, answer.seconds)
                return wire.etag(answer) or self.parts[number - 1].md5.hex()
            code = wire.error_code(answer)
            if answer.status == 404 or code == "NoSuchUpload":
                self.memory.forget(self.lecture, self.artifact)
                raise _Again
            if last or (answer.status != 403 and code not in ("BadDigest", "InvalidDigest")):
                raise refusal(answer, what)
            [request] = yield from self.door.requests([call])
        raise AssertionError  # the loop returns or raises

    def _cut(self, answer: Lost, size: int) -> str:
        """Why, and what to do where it will happen to most parts."""
        if not answer.sent:
            return answer.reason
        sizing = self.promises.sizing.cut(0, answer.seconds)
        self.promises.sizing = sizing
        rate = sizing.rate or answer.sent / max(answer.seconds, 0.001)
        words = advice(rate, sizing.between_s, size)
        return f"{answer.reason}; {words}" if words else answer.reason

    def _upload(self) -> Core[tuple[str, dict[int, tuple[int, str]]]]:
        """The upload to go on with and what it holds already: remembered, found, or new."""
        note = self.memory.get(self.lecture, self.artifact) or {}
        remembered = note.get("upload")
        upload = remembered if isinstance(remembered, str) else (yield from self._found())
        if upload:
            known = yield from self._known(upload)
            if known is not None:
                self.memory.put(self.lecture, self.artifact, {"upload": upload})
                return upload, known
        answer = yield from one(self.door, wire.create(self.artifact.media_type))
        upload = wire.upload_id(good(answer, "beginning the upload"))
        self.memory.put(self.lecture, self.artifact, {"upload": upload})
        return upload, {}

    def _found(self) -> Core[str | None]:
        """Our memory is lost; the store may remember, unless it is one that cannot list."""
        answer = yield from one(self.door, wire.list_uploads(self.key))
        if isinstance(answer, Lost):
            raise Transient(answer.reason)
        return wire.upload_of(answer, self.key) if answer.ok else None

    def _known(self, upload: str) -> Core[dict[int, tuple[int, str]] | None]:
        """The parts that the store holds; None: it has forgotten the upload."""
        known: dict[int, tuple[int, str]] = {}
        after = 0
        while True:
            answer = yield from one(self.door, wire.list_parts(upload, after))
            if isinstance(answer, Response) and answer.status == 404:
                return None
            more, after = wire.parts_of(good(answer, "asking what has arrived"))
            known |= more
            if not after:
                return known

    def _complete(self, upload: str, etags: list[str], only_new: bool) -> Core[None]:
        """Whatever is answered, `run` looks at what is there: answers to this one get lost."""
        call = wire.complete(upload, etags, self.parts, only_new=only_new)
        answer = yield from one(self.door, call)
        if isinstance(answer, Lost):
            raise Transient(answer.reason, progressed=True)
        code = wire.error_code(answer)  # may stand in an answer that says 200
        if answer.ok and not code:
            return
        if answer.status == 412:  # another try was faster; this one's parts are rubbish
            yield from one(self.door, wire.abort(upload))
            return
        if only_new and code in wire.NO_CONDITIONS:
            self.promises.conditions = False
            yield from self._complete(upload, etags, only_new=False)
            return
        self.memory.forget(self.lecture, self.artifact)
        if answer.status in (404, 409) or code in ("NoSuchUpload", "InvalidPart"):
            raise _Again
        raise refusal(answer, f"joining the parts of {self.artifact.name}")

    # ------------------------------------------------------------ proof

    def _proven(self, held: Held) -> Core[bool]:
        if held.bytes != self.artifact.bytes:
            return False
        if held.checksum not in ("", wire.checksum_of(self.parts)):
            return False
        if held.etag == wire.etag_of(self.parts):
            return True
        if held.checksum and (yield from self._checks()):
            return True
        return (yield from self._read_back())

    def _checks(self) -> Core[bool]:
        """A store that takes a lie repeats what it is told: what it says then proves nothing."""
        if self.promises.checks is None:
            answer = yield from one(self.door, wire.put_lie())
            if isinstance(answer, Lost):
                raise Transient(answer.reason)
            if not answer.ok and answer.status != 400:
                raise refusal(answer, "asking whether checksums are checked")
            self.promises.checks = not answer.ok
        return self.promises.checks

    def _read_back(self) -> Core[bool]:
        """An encrypted object's ETag says nothing, so its bytes must."""
        digest, at = hashlib.sha256(), 0
        while at < self.artifact.bytes:
            answer = yield from one(self.door, wire.read(at, READ_BACK))
            read = good(answer, f"reading back {self.artifact.name}")
            if not read.body:
                return False
            digest.update(read.body)
            at += len(read.body)
        return digest.hexdigest() == self.artifact.sha256


def look(door: Door) -> Core[Held | None]:
    """What the store holds under the key. Raises SendError."""
    answer = yield from one(door, wire.head())
    if isinstance(answer, Response) and answer.status == 404:
        return None
    head = good(answer, "asking whether the file is there")
    length = count(head.headers.get("content-length", ""))
    return Held(
        -1 if length is None else length,
        wire.etag(head),
        head.headers.get("x-amz-checksum-sha256", ""),
        head.headers.get("x-amz-version-id", ""),
    )


def one(door: Door, call: Call) -> Core[Answer]:
    """One call and its answer."""
    [request] = yield from door.requests([call])
    return (yield request)


def batches(wanted: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(wanted), size):
        yield wanted[at : at + size]
