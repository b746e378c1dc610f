"""The bodies of requests: stretches of a file, read block by block, and their digests."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from uploader.exchange import Digest, Piece, Request
from uploader.sender import Artifact, Permanent, Progress

#: Digests are computed in blocks of this size.
BLOCK = 1 << 20


class Source:
    """The file that is sent, open between enter and exit. What is wrong with it no retry can mend.

    Without a path it serves requests whose bodies are bytes.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
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
        length = min(most, body.length - at)
        try:
            data = os.pread(self._descriptor, length, body.offset + at)
        except OSError as error:
            raise Permanent(
                f"this computer's own disk fails ({error.strerror}); replace it"
            ) from error
        if not data:
            raise Permanent(
                f"{self._path} is no longer the file that was packaged; look into it with: "
                "edge-agent lectures verify"
            )
        return data


def same_as_packaged(path: Path, artifact: Artifact, progress: Progress) -> None:
    """Read the whole file and compare. Raises Permanent when it is another, or cannot be read."""
    whole = hashlib.sha256()
    with Source(path) as source:
        at = 0
        while at < artifact.bytes:
            data = source.block(Piece(0, artifact.bytes), at, BLOCK)
            whole.update(data)
            at += len(data)
            progress("verifying", at)
    if whole.hexdigest() != artifact.sha256:
        raise Permanent(
            f"{path} is no longer the file that was packaged; look into it with: "
            "edge-agent lectures verify"
        )


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
