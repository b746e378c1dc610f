"""The bodies of requests: stretches of a file, read block by block, and their digests.

Here, too, a file is compared with what was packaged, before its first byte leaves (towards tus
while it leaves: `uploader.leaving`).
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from uploader.exchange import Digest, Framed, Piece, Request
from uploader.sender import Artifact, Permanent, Progress

T = TypeVar("T")

#: Digests are computed in blocks of this size: it stays in the processor's cache.
BLOCK = 256 << 10
#: How far a comparison has come is told this often, bytes.
TOLD = 1 << 20


class Changed(Permanent):
    """The file is not the one that the manifest describes."""


class Witness(Protocol):
    """Sees what leaves of the file, in the order in which it leaves."""

    def begins(self, offset: int) -> None:
        """A request's body begins here."""

    def sees(self, data: bytes) -> None:
        """The next bytes. Raises Changed: these must not leave."""


class Source:
    """The file that is sent, open between enter and exit. What is wrong with it no retry can mend.

    Without a path it serves requests whose bodies are bytes.
    """

    def __init__(self, path: Path | None, witness: Witness | None = None) -> None:
        self._path = path
        self._witness = witness
        self._descriptor = -1

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise Permanent(
                    f"{self._path} cannot be read ({error.strerror}); "
                    "look into it with: edge-agent storage check"
                ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def block(self, body: bytes | Piece, at: int, most: int) -> bytes:
        """The next bytes of a body from its byte `at` on, at most `most`. Raises Permanent."""
        if isinstance(body, bytes):
            return body[at : at + most]
        if isinstance(body, Framed):
            return self._framed(body, at, most)
        length = min(most, body.length - at)
        try:
            data = os.pread(self._descriptor, length, body.offset + at)
        except OSError as error:
            raise Permanent(
                f"this computer's own disk fails ({error.strerror}); replace it"
            ) from error
        if not data:
            raise changed(self._path)
        return data

    def leaving(self, body: bytes | Piece, at: int, most: int) -> bytes:
        """As `block`, of what is sent at once. Raises Permanent."""
        data = self.block(body, at, most)
        if self._witness is not None and isinstance(body, Piece):
            if at == 0:
                self._witness.begins(body.offset)
            self._witness.sees(data)
        return data

    def _framed(self, body: Framed, at: int, most: int) -> bytes:
        end = body.length - len(body.tail)
        if at < len(body.head):
            return body.head[at : at + most]
        if at >= end:
            return body.tail[at - end : at - end + most]
        return self.block(Piece(body.offset, end), at, most)


def changed(file: Path | str | None) -> Changed:
    """With the next step."""
    return Changed(
        f"{file} is no longer the file that was packaged; look into it with: "
        "edge-agent lectures verify"
    )


def state_of(path: Path, artifact: Artifact) -> tuple[object, ...] | None:
    """Which file this is, and in which state; None: it cannot be asked."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return path, artifact.sha256, stat.st_ino, stat.st_size, stat.st_mtime_ns


class Comparison(Generic[T]):
    """A file is read whole and compared, once for each file, not at each try: thin links have many.

    What the destination needs to know of its bytes is found in the same reading: `cut` divides a
    file of so many bytes into pieces, and `look` is given each piece with its blocks, all of which
    it must take.
    """

    def __init__(
        self,
        cut: Callable[[int], Sequence[Piece]],
        look: Callable[[Iterator[bytes], Piece], T],
    ) -> None:
        self._cut = cut
        self._look = look
        self._known: tuple[tuple[object, ...], list[T]] | None = None

    def of(self, path: Path, artifact: Artifact, progress: Progress) -> list[T]:
        """What `look` found in each piece. Raises Permanent: another file, or not to be read."""
        state = state_of(path, artifact)
        if state is None:
            return self._read(path, artifact, progress)  # which says what is wrong
        if self._known is None or self._known[0] != state:
            self._known = (state, self._read(path, artifact, progress))
        return self._known[1]

    def _read(self, path: Path, artifact: Artifact, progress: Progress) -> list[T]:
        whole = hashlib.sha256()

        def blocks(piece: Piece) -> Iterator[bytes]:
            at = 0
            while at < piece.length:
                block = source.block(piece, at, BLOCK)
                whole.update(block)
                at += len(block)
                if at % TOLD == 0 or at == piece.length:
                    progress("verifying", piece.offset + at)
                yield block

        with Source(path) as source:
            found = [self._look(blocks(piece), piece) for piece in self._cut(artifact.bytes)]
        if whole.hexdigest() != artifact.sha256:
            raise changed(path)
        return found


def with_digests(request: Request, source: Source) -> Request:
    """The request with its digests computed and in its headers."""
    if not request.digests:
        return request
    found = {d.header: d.prefix + _digest(request, d, source) for d in request.digests}
    return replace(request, headers={**request.headers, **found}, digests=())


def _digest(request: Request, digest: Digest, source: Source) -> str:
    computed = hashlib.new(digest.algorithm, usedforsecurity=False)
    at = 0
    while at < request.length:
        data = source.block(request.body, at, BLOCK)
        computed.update(data)
        at += len(data)
    return base64.b64encode(computed.digest()).decode()
