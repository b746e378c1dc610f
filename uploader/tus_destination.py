"""A tus 1.0 server as destination, with or without receipts from the platform behind it.

With `receipts_url` a file counts as delivered when the platform's receipt says so. Without one the
server's word is all there is: such a receipt has the state "received", and nobody should delete a
recording because of it.

A file is compared while it leaves. A server that has got bytes of a damaged one never gets its end:
the upload is given up, and the next one begins anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from uploader import receipts
from uploader.bodies import Changed, Witness, state_of
from uploader.exchange import Core, Memory, T
from uploader.leaving import Leaving
from uploader.sender import Artifact, Permanent, Phase, Progress, Receipt, SendError, Transient
from uploader.tus import Sending, Server

#: In a note: this file was found to be another than the one that was packaged.
CHANGED = "changed"


class Runner(Protocol):
    """What performs a core: `uploader.http.Http`."""

    def run(
        self, core: Core[T], path: Path | None, progress: Progress, witness: Witness | None = None
    ) -> T: ...

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
        self._leaving: tuple[tuple[object, ...] | None, Leaving] | None = None

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
        state, leaving = self._of(path, artifact)
        if not artifact.bytes or CHANGED in (self._memory.get(lecture, artifact) or {}):
            leaving.compare(progress)
        if self._server.receipts_url is None and (known := self.receipt(lecture, artifact)):
            return known
        sending = Sending(self._server, self._memory, lecture, artifact, state)
        try:
            core = leaving.through(sending.deliver(), progress)
            found = self._http.run(core, path, progress, leaving)
        except Changed:
            self._leaving = None
            self._give_up(sending, lecture, artifact)
            raise
        except Transient as error:
            error.progressed = sending.advanced
            raise
        return found if found is not None else self._own_receipt(lecture, artifact)

    def _of(self, path: Path, artifact: Artifact) -> tuple[str, Leaving]:
        """Its last change, and how far it has been seen; one file is known, others begin anew."""
        state = state_of(path, artifact)
        if self._leaving is None or state is None or self._leaving[0] != state:
            self._leaving = state, Leaving(path, artifact)
        return str(state[-1] if state else ""), self._leaving[1]

    def _give_up(self, sending: Sending, lecture: str, artifact: Artifact) -> None:
        """Nothing is built upon what has arrived, whether the server hears of it or not."""
        with contextlib.suppress(SendError):
            self._http.run(sending.give_up(), None, _silent)
        self._memory.put(lecture, artifact, {CHANGED: True})

    def _own_receipt(self, lecture: str, artifact: Artifact) -> Receipt:
        receipt = receipts.own(lecture, artifact, "received", self._utc(), self._agent)
        self._memory.put(lecture, artifact, {"receipt": receipt})
        return receipt


def _silent(_phase: Phase, _done: int) -> None:
    """Whoever asks for a receipt waits for one small answer only."""
