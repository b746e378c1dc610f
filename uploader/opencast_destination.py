"""Opencast as destination: a lecture's files become one event, which is ingested as a whole.

What Opencast cannot do is not promised: a file that was cut goes again from its first byte, and a
file counts as received when Opencast has accepted the whole lecture. With `needs` "verified" a
media file counts when Opencast's archive names its checksum; for a catalog there is none.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from uploader import digest, receipts
from uploader.bodies import Comparison, Source
from uploader.exchange import Answer, Core, Memory, Piece, Request, Response, T, drive
from uploader.http import Http, Patience
from uploader.opencast import ROLE, File, Ingest
from uploader.opencast_notes import Server
from uploader.opencast_wire import CATALOG, MANIFEST
from uploader.sender import Artifact, Pending, Permanent, Phase, Progress, Receipt

#: A manifest or a catalog has some KiB.
MOST_TEXT = 4 << 20
#: When a track has come it is copied and hashed before the answer: minutes for gigabytes.
PATIENCE = Patience(read=300.0)


class Exchange(Protocol):
    """What performs requests: `uploader.http.Http`, `Digesting`."""

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Digester:
    """Answers a server's challenges. `key` gives user and password when a request leaves."""

    key: Callable[[], tuple[str, str]]
    _asked: digest.Challenge | None = field(default=None, init=False)
    _count: int = field(default=0, init=False)

    def dress(self, request: Request) -> Request:
        """Opencast wants to be told of Digest with every request, the first one too."""
        headers = {**request.headers, "X-Requested-Auth": "Digest"}
        if self._asked is not None:
            user, password = self.key()
            self._count += 1
            headers["Authorization"] = digest.authorization(
                self._asked,
                user,
                password,
                method=request.method,
                url=request.url,
                cnonce=secrets.token_hex(8),
                count=self._count,
            )
        return replace(request, headers=headers)

    def heard(self, answer: Response) -> bool:
        """True: there is a new challenge, and the same request may pass now."""
        asked = digest.challenge(answer)
        if asked is None or asked == self._asked:
            return False
        self._asked, self._count = asked, 0
        return True


@dataclass(frozen=True, slots=True)
class Digesting:
    """Requests by Digest; `http` dresses them with `digester.dress`.

    Before each track a small question is asked, so no track meets a challenge that is new.
    """

    http: Http
    digester: Digester

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        answer = self.http.exchange(request, source, progress)
        if isinstance(answer, Response) and answer.status == 401 and self.digester.heard(answer):
            return self.http.exchange(request, source, progress)
        return answer

    def close(self) -> None:
        self.http.close()


class OpencastDestination:
    """See the module's text. `expected` names all files of a lecture that come here.

    `event` gives the id that a lecture has there: its own, or its booking's.
    """

    def __init__(
        self,
        exchange: Exchange,
        server: Server,
        expected: Callable[[str], Collection[str]],
        memory: Memory,
        agent: str,
        utc: Callable[[], str],
        *,
        needs: str = "received",
        event: Callable[[str], str] = lambda lecture: lecture,
    ) -> None:
        self._exchange = exchange
        self._server = server
        self._expected = expected
        self._memory = memory
        self._agent = agent
        self._utc = utc
        self._needs = needs
        self._event = event
        self._comparison = Comparison(lambda size: [Piece(0, size)], _md5)

    def close(self) -> None:
        """Hang up; the next request calls again."""
        self._exchange.close()

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        note = self._note(lecture, artifact)
        if isinstance(note.get("receipt"), Mapping):
            found: Receipt = note["receipt"]
            return found
        ingest = self._ingest(lecture)
        open_still = ingest.state.package != ""
        if self._needs == "received" or artifact.name == CATALOG or open_still:
            return None  # `send` knows what is left to do, and asks for nothing in vain
        proven = self._run(ingest.archived(artifact, note.get("md5", "")), None, _silent)
        return self._receipt(lecture, artifact, "verified") if proven else None

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if Path(artifact.name).name != artifact.name:
            raise Permanent(f"{artifact.name!r} is not a file name")
        known = self._note(lecture, artifact).get("receipt")
        if isinstance(known, Mapping):
            return known
        beside = _text(path.with_name(MANIFEST))
        expected, now = self._expected(lecture), self._utc()
        ingest = self._ingest(lecture, expected, beside, now)
        try:
            file = None if ingest.holds(artifact) else self._file(lecture, artifact, path, progress)
        except Permanent as error:
            ingest.refuse(artifact, error.reason)
            raise
        self._run(
            ingest.deliver(file, artifact), path if file else None, _within(artifact, progress)
        )
        if self._needs == "received" or artifact.name == CATALOG:
            return self._receipt(lecture, artifact, "received")
        md5 = self._note(lecture, artifact).get("md5", "")
        proven = self._run(ingest.archived(artifact, md5), None, progress)
        if proven is None:
            raise Pending(f"{artifact.name}: Opencast does not say what it holds; {ROLE}")
        if not proven:
            raise Pending(
                f"Opencast has {artifact.name}; its archive does not name the checksum yet"
            )
        return self._receipt(lecture, artifact, "verified")

    def _ingest(
        self,
        lecture: str,
        expected: Collection[str] = (),
        beside: bytes | None = None,
        now: str = "",
    ) -> Ingest:
        event = self._event(lecture)
        return Ingest(self._server, self._memory, lecture, expected, beside, now, event)

    def _file(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> File:
        [md5] = self._comparison.of(path, artifact, progress)
        self._memory.put(lecture, artifact, {"md5": md5})
        text = _text(path) if artifact.name == CATALOG else None
        return File(artifact, None if text is None else text.decode("utf-8", "replace"))

    def _receipt(self, lecture: str, artifact: Artifact, state: str) -> Receipt:
        made = receipts.own(lecture, artifact, state, self._utc(), self._agent)
        made["event"] = self._event(lecture)
        self._memory.put(lecture, artifact, {"receipt": made})
        return made

    def _note(self, lecture: str, artifact: Artifact) -> dict[str, Any]:
        return self._memory.get(lecture, artifact) or {}

    def _run(self, core: Core[T], path: Path | None, progress: Progress) -> T:
        with Source(path) as source:
            return drive(core, lambda request: self._exchange.exchange(request, source, progress))


def _md5(blocks: Iterator[bytes], _piece: Piece) -> str:
    """By which Opencast's archive names what it holds."""
    found = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        found.update(block)
    return found.hexdigest()


def _text(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_TEXT)
    except OSError:
        return None


def _within(artifact: Artifact, progress: Progress) -> Progress:
    """What stands around the file in a form is none of its bytes."""

    def told(phase: Phase, done: int) -> None:
        progress(phase, min(max(done, 0), artifact.bytes))

    return told


def _silent(_phase: Phase, _done: int) -> None:
    """Whoever asks for a receipt waits for one small answer only."""
