"""What a tus server keeps of its promises (see `uploader.probe`). Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Generator
from dataclasses import replace

from uploader import probe
from uploader.exchange import Answer, Core, Request, Response, fill, within
from uploader.probe import Finding, Stop, absent, broken, good, heard, kept
from uploader.sender import Artifact
from uploader.tus import Server
from uploader.tus_words import TUS, Offer, bytes_of, metadata, number


class TusProbe:
    """One test file, sent in two halves; the file that is sent has `artifact.bytes` bytes."""

    def __init__(self, server: Server, lecture: str, artifact: Artifact) -> None:
        self._server = server
        self._lecture = lecture
        self._artifact = artifact
        self._offer = Offer()
        self._url = ""
        self._sent: list[Response] = []

    def exchange(self) -> Core[list[Finding]]:
        """All that can be told before the receipt."""
        findings: list[Finding] = []
        try:
            for step in (self._reach, self._create, self._checksum, self._resume, self._finish):
                findings += yield from step()
        except Stop as stop:
            return [*findings, stop.finding]
        return [*findings, probe.speed(self._artifact.bytes // 2, self._sent)]

    def receipt(self) -> Core[list[Finding]]:
        """Ask once; nothing while there is none yet, and when none are to be asked for."""
        if self._server.receipts_url is None:
            return []
        url = fill(self._server.receipts_url, self._lecture, self._artifact)
        request = Request("GET", url, {"Accept": "application/jose, application/json;q=0.9"})
        terms = self._server.terms
        return (yield from probe.receipt(request, self._lecture, self._artifact, terms))

    def tidy(self) -> Core[list[Finding]]:
        """Take the test file away."""
        if not self._url:
            return []
        name = f"{self._lecture}/{self._artifact.name}"
        if "termination" in self._offer.extensions:
            answer = yield Request("DELETE", self._url, TUS)
            if isinstance(answer, Response) and answer.ok:
                return [kept("clean-up", "the test file was taken away")]
        return [absent("clean-up", f"the test file stays there: {name}")]

    def _reach(self) -> Core[list[Finding]]:
        request = Request("OPTIONS", fill(self._server.url, self._lecture, self._artifact))
        answer = heard((yield request), "asking what the server can do")
        words = f"it answers within {answer.seconds * 1000:.0f} ms"
        if not answer.ok:
            return [kept("reachable", f"{words}, but does not say what it can do")]
        self._offer = Offer.of(answer.headers)
        offers = ", ".join(sorted(self._offer.extensions)) or "nothing beyond the core"
        return [kept("reachable", f"{words} and offers {offers}")]

    def _create(self) -> Core[list[Finding]]:
        url = fill(self._server.url, self._lecture, self._artifact)
        headers = {
            **TUS,
            "Upload-Length": str(self._artifact.bytes),
            "Upload-Metadata": metadata(self._lecture, self._artifact),
        }
        answer = good((yield Request("POST", url, headers)), "beginning an upload")
        location = answer.headers.get("location", "")
        target = within(self._server.url, url, location) if location else None
        if target is None:
            words = f"it places uploads at {location or 'no address'!r}, outside its own host"
            raise Stop(broken("takes files", f"{words}; set its public address"))
        self._url = target
        return [kept("credential", "it lets us send")]

    def _checksum(self) -> Core[list[Finding]]:
        """The first half with a wrong checksum must be refused and forgotten."""
        if self._offer.algorithm is None:
            yield from self._half(0)
            words = (
                "it offers no checksums: only the receipt can tell whether bytes arrived damaged"
            )
            return [absent("checksum", words)]
        right = bytes_of(self._url, 0, self._artifact.bytes // 2, self._offer)
        other = base64.b64encode(hashlib.new(self._offer.algorithm, b"other bytes").digest())
        lie = f"{self._offer.algorithm} {other.decode()}"
        wrong = replace(right, headers={**right.headers, "Upload-Checksum": lie}, digests=())
        heard((yield wrong), "sending with a wrong checksum")
        if (yield from self._offset()) > 0:
            words = "it offers checksums and takes bytes whose checksum is wrong"
            return [broken("checksum", words)]
        yield from self._half(0)
        return [kept("checksum", "bytes with a wrong checksum are refused")]

    def _resume(self) -> Core[list[Finding]]:
        """It must know how far we are, and take nothing at another place."""
        half = self._artifact.bytes // 2
        offset = yield from self._offset()
        if offset != half:
            words = f"it has heard {half} bytes and says {offset}: interrupted files begin anew"
            raise Stop(broken("resume", words))
        hole = heard((yield self._bytes(half + 1000, 1000)), "sending to a wrong place")
        after = yield from self._offset()
        if hole.ok or after != half:
            raise Stop(broken("resume", "it takes bytes at a wrong place: files would be torn"))
        return [kept("resume", "it goes on at the byte where a cut left it")]

    def _finish(self) -> Core[list[Finding]]:
        yield from self._half(self._artifact.bytes // 2)
        return [kept("takes files", "the test file arrived")]

    def _half(self, offset: int) -> Core[None]:
        count = self._artifact.bytes // 2
        answer = good((yield self._bytes(offset, count)), "sending the test file")
        self._sent = [answer]

    def _offset(self) -> Generator[Request, Answer, int]:
        answer = good((yield Request("HEAD", self._url, TUS)), "asking how much has arrived")
        found = number(answer.headers, "upload-offset")
        if found is None:
            raise Stop(broken("resume", "it does not say how much has arrived"))
        return found

    def _bytes(self, offset: int, count: int) -> Request:
        return bytes_of(self._url, offset, count, self._offer)
