"""The tus 1.0 protocol, sans I/O: one file to one server, from wherever the last try ended.

"Finished" is not "stored". After any doubt: ask for the receipt, then HEAD, and only then send. A
404 after the last bytes were on their way is "unknown", not "gone": some servers forget an upload
the moment it is complete. Never sends a byte that the server has said it holds, never believes an
offset that did not come from the server, never follows a Location to another host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from uploader import receipts
from uploader.exchange import (
    Answer,
    Core,
    Lost,
    Memory,
    Request,
    Response,
    fill,
    refusal,
    within,
)
from uploader.sender import Artifact, Pending, Permanent, Receipt, Transient
from uploader.signing import Worthless
from uploader.sizing import LEAST, Sizing
from uploader.tus_words import TUS, Offer, bytes_of, metadata, number, said

#: Tries in a row that bring nothing forward before others get their turn.
TRIES = 3
#: A server that has forgotten the upload and has no receipt, or fails when it is asked, is asked so
#: often, with growing pauses in between (half an hour in all), before the file is sent again.
UNKNOWN_TRIES = 8


@dataclass(slots=True)
class Server:
    """One server: its addresses, and what has been learned of it since the process started."""

    url: str
    receipts_url: str | None = None
    terms: receipts.Terms = field(default_factory=receipts.Terms)
    offer: Offer | None = None
    sizing: Sizing = field(default_factory=Sizing)


class Sending:
    """One file on its way. `advanced`: something arrived in this try."""

    def __init__(
        self, server: Server, memory: Memory, lecture: str, artifact: Artifact, state: str = ""
    ) -> None:
        """`state` tells whether the file is still as it was when its upload began."""
        self._state = state
        self._server = server
        self._memory = memory
        self._lecture = lecture
        self._artifact = artifact
        self._url = ""
        self._begun = 0
        self._stuck = 0
        self._doubt = "is not there yet"
        self.advanced = False

    def receipt(self) -> Core[Receipt | None]:
        """The platform's receipt, if it gives receipts and has one that counts."""
        if self._server.receipts_url is None:
            return None
        url, terms = self._server.receipts_url, self._server.terms
        try:
            return (yield from receipts.ask(url, self._lecture, self._artifact, terms))
        except Worthless as error:
            self._doubt = error.reason
            return None

    def deliver(self) -> Core[Receipt | None]:
        """Bring the file there; its receipt, or None where the server's word is all there is.

        Raises Transient, Permanent, and Pending when the receipt is not there yet.
        """
        try:
            if found := (yield from self.receipt()):
                yield from self.give_up()
                return found
        except receipts.Damaged:
            self._memory.forget(self._lecture, self._artifact)
        offset = yield from self._resume()
        if not self._artifact.bytes:
            # Some servers complete an empty file at its creation, some so.
            yield bytes_of(self._url, 0, 0, self._server.offer)
        while offset < self._artifact.bytes:
            offset = yield from self._patch(offset)
        return (yield from self._finish())

    def give_up(self) -> Core[None]:
        """Forget an upload that must not go on. Whether it ends there is the server's business."""
        known, offer = self._known(), self._server.offer
        self._memory.forget(self._lecture, self._artifact)
        if known and (offer is None or "termination" in offer.extensions):
            yield Request("DELETE", known, TUS)

    # ------------------------------------------------------------ where are we?

    def _resume(self) -> Core[int]:
        known = self._known()
        if known is None or self._note().get("state", self._state) != self._state:
            yield from self.give_up()  # what has arrived may be of what the file was before
            return (yield from self._create())
        self._url = known
        yield from self._probe()
        return (yield from self._position())

    def _position(self) -> Core[int]:
        """The offset that the server has; an upload that it does not know is begun anew."""
        answer = yield from self._insist(Request("HEAD", self._url, TUS))
        self._server.sizing = self._server.sizing.asked(answer.seconds)
        if answer.status in (404, 410):
            return (yield from self._unknown())
        if answer.status == 500 and self._is_broken():
            yield from self.give_up()
            return (yield from self._create())
        if not answer.ok:
            raise refusal(answer, "asking how much has arrived")
        offset = number(answer.headers, "upload-offset")
        length = number(answer.headers, "upload-length")
        if offset is None:
            raise Transient(
                "the server does not say how much has arrived; check the address of this "
                "destination, and what stands between here and there"
            )
        if offset > self._artifact.bytes or length not in (None, self._artifact.bytes):
            yield from self.give_up()  # another file's upload: our note was wrong
            return (yield from self._create())
        return offset

    def _is_broken(self) -> bool:
        """An upload that a crash has torn makes its server fail; it must not hold up the rest."""
        note = self._note()
        failed = int(note.get("failed", 0)) + 1
        self._memory.put(self._lecture, self._artifact, {**note, "failed": failed})
        return failed >= UNKNOWN_TRIES

    def _unknown(self) -> Core[int]:
        note = self._note()
        if note.get("last") and self._server.receipts_url is not None:
            if (yield from self._proof()):
                return self._artifact.bytes
            asked = int(note.get("asked", 0)) + 1
            if asked < UNKNOWN_TRIES:
                self._remember(last=True, asked=asked)
                raise self._pending()
        self._memory.forget(self._lecture, self._artifact)
        self._count_stuck("the server has forgotten the upload")
        return (yield from self._create())

    # ------------------------------------------------------------ creation and its end

    def _create(self) -> Core[int]:
        self._begun += 1
        if self._begun > TRIES:
            raise Transient("the server forgets uploads that are under way; ask those who run it")
        offer = yield from self._probe()
        if offer.max_size is not None and offer.max_size < self._artifact.bytes:
            raise Permanent(
                f"the server takes files of up to {offer.max_size} bytes; ask those who run it"
            )
        url = fill(self._server.url, self._lecture, self._artifact)
        headers = {
            **TUS,
            "Upload-Length": str(self._artifact.bytes),
            "Upload-Metadata": metadata(self._lecture, self._artifact),
        }
        answer = yield from self._insist(Request("POST", url, headers))
        location = answer.headers.get("location", "")
        if not answer.ok:
            raise refusal(answer, "beginning the upload")
        target = within(self._server.url, url, location) if location else None
        if target is None:
            raise Transient(
                f"the server places the upload at {location or 'no address'!r}, outside its own "
                "host; those who run it must set its public address"
            )
        self._url = target
        self._remember()
        return 0

    def _probe(self) -> Core[Offer]:
        """Servers that do not answer OPTIONS are given the benefit of the doubt."""
        if self._server.offer is None:
            url = fill(self._server.url, self._lecture, self._artifact)
            answer = yield from self._insist(Request("OPTIONS", url))
            self._server.sizing = self._server.sizing.asked(answer.seconds)
            if answer.status >= 500 or answer.status in (401, 429):
                raise refusal(answer, "asking what the server can do")
            self._server.offer = Offer.of(answer.headers) if answer.ok else Offer()
        return self._server.offer

    def _finish(self) -> Core[Receipt | None]:
        if self._server.receipts_url is None:
            return None
        found = yield from self._proof()
        if found is None:
            self._remember(last=True)
            raise self._pending()
        self._memory.forget(self._lecture, self._artifact)
        return found

    def _proof(self) -> Core[Receipt | None]:
        try:
            return (yield from self.receipt())
        except receipts.Damaged:
            self._memory.forget(self._lecture, self._artifact)
            raise Transient(
                f"{self._artifact.name} arrived damaged: the platform's checksum differs; it is "
                "sent again"
            ) from None

    # ------------------------------------------------------------ bytes

    def _patch(self, offset: int) -> Core[int]:
        """One request with bytes; the offset after it."""
        rest = self._artifact.bytes - offset
        count = min(self._server.sizing.size, rest)
        if count == rest:
            self._remember(last=True)
        kept = self._server.sizing.keeps
        answer = yield bytes_of(self._url, offset, count, self._server.offer, kept=kept)
        if isinstance(answer, Lost):
            return (yield from self._look_again(offset, count, answer))
        if answer.ok and number(answer.headers, "upload-offset") == offset + count:
            self._server.sizing = self._server.sizing.arrived(count, answer.seconds)
            return self._advance(offset + count)
        if answer.status == 413 and count > LEAST:
            self._server.sizing = self._server.sizing.refused(count)
            return offset
        if answer.ok or answer.status in (404, 409, 410, 460) or answer.status >= 500:
            return (yield from self._look_again(offset, count, answer))
        raise refusal(answer, f"sending {self._artifact.name}")

    def _look_again(self, offset: int, count: int, why: Answer) -> Core[int]:
        """After a request in doubt only the server knows how far we are."""
        if isinstance(why, Response) and why.status >= 500 and "retry-after" in why.headers:
            raise refusal(why, f"sending {self._artifact.name}")
        url = self._url
        now = yield from self._position()
        gained = now - offset if self._url == url else 0
        if isinstance(why, Lost):
            kept = gained if 0 < gained < count else 0
            if gained < count and why.sent:
                self._server.sizing = self._server.sizing.cut(kept, why.seconds)
        if gained > 0:
            return self._advance(now)
        self._count_stuck(said(why, self._artifact))
        return now

    def _advance(self, offset: int) -> int:
        self.advanced = True
        self._stuck = 0
        return offset

    def _count_stuck(self, reason: str) -> None:
        self._stuck += 1
        if self._stuck >= TRIES:
            raise Transient(reason)

    def _insist(self, request: Request) -> Core[Response]:
        """An answer, whatever it says: the way is tried a few times at once. Raises Transient."""
        reason = ""
        for _ in range(TRIES):
            answer = yield request
            if isinstance(answer, Response):
                return answer
            reason = answer.reason
        raise Transient(reason)

    # ------------------------------------------------------------ memory

    def _known(self) -> str | None:
        url, home = self._note().get("url"), self._server.url
        return within(home, home, url) if isinstance(url, str) else None

    def _note(self) -> dict[str, Any]:
        return self._memory.get(self._lecture, self._artifact) or {}

    def _remember(self, **more: Any) -> None:
        note = {"url": self._url, "state": self._state, **more}
        if self._note() != note:
            self._memory.put(self._lecture, self._artifact, note)

    def _pending(self) -> Pending:
        return Pending(
            f"{self._artifact.name} has been sent whole; the platform's receipt {self._doubt}"
        )
