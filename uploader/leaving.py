"""A file is compared while it leaves; its end stays here until all before it was right.

What is read for sending is hashed in passing, so it need not be read twice. A destination that
takes nothing for whole before its last byte (tus) thus never gets a damaged file whole. Where the
rest of a file will be on its way for long it is read and compared before: else hours of a thin link
would go by before the damage is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uploader.bodies import BLOCK, TOLD, Source, changed
from uploader.exchange import Answer, Core, Piece, Request, T
from uploader.sender import Artifact, Phase, Progress
from uploader.sizing import takes_long


@dataclass(slots=True)
class _Mark:
    """A place in the file, and the digest of everything before it."""

    at: int = 0
    digest: Any = field(default_factory=hashlib.sha256)  # hashlib's own type has no public name

    def copy(self) -> _Mark:
        return _Mark(self.at, self.digest.copy())

    def take(self, data: bytes | memoryview) -> None:
        self.digest.update(data)
        self.at += len(data)


class Leaving:
    """One file on its way, as it is now (`state`), also over several tries."""

    def __init__(self, path: Path, artifact: Artifact) -> None:
        self._path = path
        self._artifact = artifact
        self._now = _Mark()
        #: Where the latest request began: a try after a cut begins not much behind it.
        self._began = _Mark()
        #: How far it had come when it had to go back: there the bytes must be the same once more.
        self._farthest = _Mark()
        self._known = False
        self._sent = 0
        self._spent_s = 0.0

    def through(self, core: Core[T], progress: Progress) -> Core[T]:
        """The same core; what has to be read before one of its requests is read then.

        Raises Changed, Permanent and what `progress` raises.
        """
        with closing(core):
            try:
                request = next(core)
                while True:
                    if isinstance(request.body, Piece):
                        self._before(request.body.offset, progress)
                    answer = yield request
                    self._heard(request, answer)
                    request = core.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result

    def compare(self, progress: Progress) -> None:
        """Read what has not been read yet, and compare the whole. Raises Changed, Permanent."""
        if not self._known:
            ahead = self._now.copy()
            for data in self._read(ahead.at, self._artifact.bytes, progress):
                ahead.take(data)
            self._judge(ahead)
            self._known = True

    # ------------------------------------------------------------ what a Source tells

    def begins(self, offset: int) -> None:
        """The next bytes that leave are those from here on."""
        self._go_to(offset, _silent)

    def sees(self, data: bytes) -> None:
        """These leave next, unless this raises Changed."""
        self._take(data)
        if self._now.at == self._artifact.bytes:
            self._judge(self._now)

    # ------------------------------------------------------------

    def _before(self, offset: int, progress: Progress) -> None:
        left = self._artifact.bytes - offset
        if not left or takes_long(self._sent, self._spent_s, left):
            self.compare(progress)
        self._go_to(offset, progress)

    def _heard(self, request: Request, answer: Answer) -> None:
        if isinstance(request.body, Piece):
            self._sent += answer.sent
            self._spent_s += answer.seconds

    def _go_to(self, offset: int, progress: Progress) -> None:
        """Everything before `offset` is hashed then; what is not known any more is read again."""
        if offset < self._now.at:
            if self._now.at > self._farthest.at:
                self._farthest = self._now
            near = self._began.at <= offset
            self._now = self._began.copy() if near else _Mark()
        for data in self._read(self._now.at, offset, progress):
            self._take(data)
        self._began = self._now.copy()

    def _take(self, data: bytes) -> None:
        """Bytes that were hashed before must be the same: a part of them may have arrived."""
        seen = self._farthest.at - self._now.at
        if 0 < seen <= len(data):
            self._now.take(memoryview(data)[:seen])
            if self._now.digest.digest() != self._farthest.digest.digest():
                raise changed(self._path)
            data = data[seen:]
        self._now.take(data)

    def _read(self, start: int, end: int, progress: Progress) -> Iterator[bytes]:
        if start >= end:
            return
        with Source(self._path) as source:
            at = start
            while at < end:
                data = source.block(Piece(at, end - at), 0, BLOCK)
                at += len(data)
                if at % TOLD < len(data) or at == end:
                    progress("verifying", at)
                yield data

    def _judge(self, mark: _Mark) -> None:
        if mark.digest.hexdigest() != self._artifact.sha256:
            raise changed(self._path)


def _silent(_phase: Phase, _done: int) -> None:
    """Nothing is read."""
