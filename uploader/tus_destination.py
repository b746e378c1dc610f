"""A tus 1.0 server as destination, with or without receipts from the platform behind it.

With `receipts_url` a file counts as delivered when the platform's receipt says so. Without one the
server's word is all there is: such a receipt has the state "received", and nobody should delete a
recording because of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from uploader import receipts
from uploader.bodies import Comparison
from uploader.exchange import Core, Memory, Piece, T
from uploader.sender import Artifact, Permanent, Phase, Progress, Receipt, Transient
from uploader.tus import Sending, Server


class Runner(Protocol):
    """What performs a core: `uploader.http.Http`."""

    def run(self, core: Core[T], path: Path | None, progress: Progress) -> T: ...

    def close(self) -> None: ...


class TusDestination:
    """See the module's text. `utc` gives the time in a receipt of our own."""

    def __init__(
        self, http: Runner, server: Server, memory: Memory, agent: str, utc: Callable[[], str]
    ) -> None:
        self._http = http
        self._server = server
        self._memory = memory
        self._agent = agent
        self._utc = utc
        self._comparison = Comparison(lambda size: [Piece(0, size)], _taken)

    def close(self) -> None:
        """Hang up; the next request calls again."""
        self._http.close()

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        if self._server.receipts_url is None:
            stored = (self._memory.get(lecture, artifact) or {}).get("receipt")
            return stored if isinstance(stored, dict) else None
        sending = Sending(self._server, self._memory, lecture, artifact)
        try:
            return self._http.run(sending.receipt(), None, _silent)
        except receipts.Damaged:
            return None

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if Path(artifact.name).name != artifact.name:
            raise Permanent(f"{artifact.name!r} is not a file name")
        self._comparison.of(path, artifact, progress)
        if self._server.receipts_url is None and (known := self.receipt(lecture, artifact)):
            return known
        sending = Sending(self._server, self._memory, lecture, artifact)
        try:
            found = self._http.run(sending.deliver(), path, progress)
        except Transient as error:
            error.progressed = sending.advanced
            raise
        return found if found is not None else self._own_receipt(lecture, artifact)

    def _own_receipt(self, lecture: str, artifact: Artifact) -> Receipt:
        receipt = receipts.own(lecture, artifact, "received", self._utc(), self._agent)
        self._memory.put(lecture, artifact, {"receipt": receipt})
        return receipt


def _taken(blocks: Iterator[bytes], _piece: Piece) -> None:
    """This protocol needs no digest of its own."""
    for _ in blocks:
        pass


def _silent(_phase: Phase, _done: int) -> None:
    """Whoever asks for a receipt waits for one small answer only."""
