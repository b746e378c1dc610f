"""A file as many small objects, for links on which no part of 5 MiB gets through. Without I/O.

S3 takes no smaller part and forgets one that was cut. A small object that has arrived stays; so the
file is laid down in stretches beside the place where it would lie, and the platform joins them:

    <key>.pieces/000000000000000    the bytes from this place on; their length is the object's
    <key>.pieces.json               written last: how many, how large, and the SHA-256 of the whole

What the store holds already it is asked for, as with parts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from uploader import s3_wire as wire
from uploader.exchange import Answer, Core, Lost, Request, Response, good, refusal
from uploader.s3 import TRIES, Door, Promises, batches, one
from uploader.s3_wire import Call, Sum
from uploader.sender import Artifact, Transient


@dataclass(slots=True)
class Pieces:
    """One file on its way. `parts` are its stretches, all of the same size but the last."""

    door: Door
    key: str
    artifact: Artifact
    parts: Sequence[Sum]
    promises: Promises
    #: Something arrived in this try.
    advanced: bool = field(default=False, init=False)

    def run(self) -> Core[None]:
        """Lay down what is missing, then the index. Raises SendError."""
        there = yield from held(self.door, self.key)
        missing = [
            part
            for part in self.parts
            if there.get(part.piece.offset) != (part.piece.length, part.md5.hex())
        ]
        for batch in batches(missing, self.door.batch):
            calls = [self._call(part) for part in batch]
            requests = yield from self.door.requests(calls)
            for part, request in zip(batch, requests, strict=True):
                yield from self._bring(part, request)
        index = wire.put_beside(wire.INDEX, self._index(), "application/json")
        good((yield from self._insist(index, None)), f"telling the pieces of {self.artifact.name}")

    def _call(self, part: Sum, *, anew: bool = False) -> Call:
        return wire.put_stretch(part, only_new=self.promises.conditions and not anew)

    def _bring(self, part: Sum, request: Request) -> Core[None]:
        """One stretch. What lies there already, or proves nothing by its ETag, is read back."""
        what = f"bytes {part.piece.offset} on of {self.artifact.name}"
        call = self._call(part)
        for last in (False, False, True):
            answer = yield from self._insist(call, request)
            proven = answer.ok and wire.etag(answer) == part.md5.hex()
            if proven or (
                (answer.ok or answer.status == 412) and (yield from self._reads_right(part))
            ):
                self.advanced = True
                return
            code = wire.error_code(answer)
            if answer.ok or answer.status == 412:  # it holds other bytes: damage
                call = self._call(part, anew=True)
            elif self.promises.conditions and code in wire.NO_CONDITIONS:
                self.promises.conditions = False
                call = self._call(part)
            elif last or (answer.status != 403 and code not in ("BadDigest", "InvalidDigest")):
                raise refusal(answer, what)
            [request] = yield from self.door.requests([call])
        raise Transient(
            f"{what}: the store took them and holds something else; ask those who run the store"
        )

    def _reads_right(self, part: Sum) -> Core[bool]:
        answer = yield from self._insist(wire.get_beside(wire.stretch(part.piece)), None)
        body = good(answer, f"reading back {self.artifact.name}").body
        return wire.summed([body], part.piece).sha256 == part.sha256

    def _insist(self, call: Call, request: Request | None) -> Core[Response]:
        """An answer, whatever it says: a cut costs one small request. Raises Transient."""
        reason = ""
        for _ in range(TRIES):
            if request is None:
                [request] = yield from self.door.requests([call])
            answer: Answer = yield request
            if isinstance(answer, Response):
                return answer
            reason, request = answer.reason, None
        raise Transient(reason, progressed=self.advanced)

    def _index(self) -> bytes:
        told = {
            "name": self.artifact.name,
            "bytes": self.artifact.bytes,
            "sha256": self.artifact.sha256,
            "media_type": self.artifact.media_type,
            "pieces": len(self.parts),
            "piece_bytes": self.parts[0].piece.length,
        }
        return json.dumps(told, indent=1).encode()


def held(door: Door, key: str) -> Core[dict[int, tuple[int, str]]]:
    """(size, ETag) of each stretch that the store holds; a store that may not list has none."""
    found: dict[int, tuple[int, str]] = {}
    token = ""
    while True:
        answer = yield from one(door, wire.list_stretches(key, token))
        if isinstance(answer, Lost):
            raise Transient(answer.reason)
        if not answer.ok:
            return found
        more, token = wire.stretches_of(answer, key)
        found |= more
        if not token:
            return found
